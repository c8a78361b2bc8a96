"""What people judge: a candidate's answers beside the teacher's, and which record is next."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import BaseModel, Field
from sqlmodel import col, select

from flywheel.datasets.report import DatasetReport
from flywheel.db.models import Evaluation, Prediction, Review
from flywheel.decisions.verdict import Recommendation
from flywheel.errors import ConflictError, DataError, NotFoundError
from flywheel.evaluation.sampling import Answered, Drawn, draw
from flywheel.evaluation.tool_calls import in_words
from flywheel.ports.backends import Backends
from flywheel.records import content_text
from flywheel.runs.state import RunState, load_state, run_ref
from flywheel.service.naming import find, nearest
from flywheel.views import Actor

Side = Literal["teacher", "candidate"]

_SHARED_EVERY = 4  # of a person's questions one in so many was answered by others before


class Question(BaseModel):
    """One record to judge, without a word on who said what."""

    run_id: str
    candidate: str
    row: int = Field(description="Names the record when it is answered")
    text: str = Field(description="Of the last user message")
    a: str = Field(description="One label, or the answer where it had none; of tool calls, those")
    b: str
    classes: list[str] = Field(description="What the right label is picked from")


@dataclass(frozen=True)
class Material:
    """A candidate's answers, with what people have said of them."""

    state: RunState
    candidate: str
    predictions: dict[int, Prediction]
    order: list[Drawn]
    reviews: list[Review]  # those that stand, in the order of time

    @property
    def report(self) -> DatasetReport:
        """What is known of the run's datasets."""
        return DatasetReport.model_validate(self.state.run.dataset_report)


async def material_of(backends: Backends, ref: str, model: str | None) -> Material:
    """Load it. Raises NotFoundError, ConflictError where there is nothing to judge."""
    async with backends.database.transaction() as session:
        state = await load_state(session, await find(session, ref, backends.hidden))
        candidate = _candidate(state, model)
        query = (
            select(Prediction)
            .join(Evaluation, col(Evaluation.id) == col(Prediction.evaluation_id))
            .where(
                Evaluation.run_id == state.run.id,
                Evaluation.candidate == candidate,
                Evaluation.eval_type == state.candidate(candidate).final_eval,
            )
        )
        predictions = {p.row: p for p in await session.exec(query)}
    answers = [
        Answered(row, p.expected, p.expected if same(p) else None, p.confidence)
        if p.correct is not None
        else Answered(row, p.expected, p.label, p.confidence)
        for row, p in sorted(predictions.items())
    ]
    order = await asyncio.to_thread(draw, answers, f"{state.run.seed}/{candidate}")
    reviews = [review for review in state.reviews if review.candidate == candidate]
    return Material(state, candidate, predictions, order, reviews)


def same(prediction: Prediction) -> bool:
    """Whether candidate and teacher said the same; of tool calls, with equal arguments."""
    if prediction.correct is not None:
        return prediction.correct
    return prediction.label == prediction.expected


def _candidate(state: RunState, model: str | None) -> str:
    run = run_ref(state.run.id)
    names = [candidate.name for candidate in state.candidates]
    if model is not None and model not in names:
        raise NotFoundError(
            f"{run} has no candidate '{model}'.",
            f"{nearest(model, names)}It has: {', '.join(names)}.",
        )
    scored = {
        name: scores.rank for name in names if (scores := state.final_scores(name)) is not None
    }
    free = [name for name in scored if (of := state.final_scores(name)) and of.accuracy is None]
    if free:
        raise ConflictError(
            f"The answers of {run} are free text, which a judge scores: they have no labels.",
            "People judge labels and tool calls.",
        )
    if not scored:
        raise ConflictError(
            f"{run} has no scored candidate, so there is nothing to judge.",
            f"It is {state.run.status}.",
        )
    if model is not None and model not in scored:
        raise ConflictError(
            f"{model} has no score in {run}.", f"These have one: {', '.join(scored)}."
        )
    if model is not None:
        return model
    if state.run.recommendation is not None:
        name = Recommendation.model_validate(state.run.recommendation).model_name
        if name in scored:
            return name
    return max(scored, key=lambda name: scored[name])


def next_row(material: Material, reviewer: str) -> int | None:
    """The next record for this person; None when they have judged all."""
    mine = {r.row for r in material.reviews if r.reviewer == reviewer}
    people = Counter(row for row, _ in {(r.row, r.reviewer) for r in material.reviews})
    rows = [drawn.row for drawn in material.order if drawn.row not in mine]
    new = next((row for row in rows if not people[row]), None)
    # Of those that others have judged, the ones with the fewest judges first.
    shared = min((row for row in rows if people[row]), key=lambda row: people[row], default=None)
    if shared is not None and (new is None or len(mine) % _SHARED_EVERY == _SHARED_EVERY - 1):
        return shared
    return new


async def question_of(material: Material, row: int, actor: Actor) -> Question:
    """A record as this person is asked about it. Raises DataError where it cannot be read."""
    prediction = material.predictions[row]
    path = Path(material.state.dataset("eval").uri)
    record = await asyncio.to_thread(_record, path, row)
    labels = [prediction.expected, prediction.label or prediction.answer.strip() or "(nothing)"]
    if prediction.correct is not None:
        expected = record["response"]["choices"][0]["message"].get("tool_calls")
        given = in_words(prediction.tool_calls) if prediction.tool_calls else prediction.answer
        labels = [in_words(expected), given.strip() or "(no call)"]
    if a_is(material, row, actor) == "candidate":
        labels.reverse()
    return Question(
        run_id=run_ref(material.state.run.id),
        candidate=material.candidate,
        row=row,
        text=_request_text(record),
        a=labels[0],
        b=labels[1],
        classes=list(material.report.classes),
    )


async def disagreements_of(
    backends: Backends, ref: str, model: str, label: str | None, most: int
) -> list[tuple[str, str, str]]:
    """Text, teacher's and candidate's answer of some records on which the two differ.

    Of one class where `label` names it; the same records each time. Raises as `material_of`, and
    DataError where a record cannot be read.
    """
    material = await material_of(backends, ref, model)
    rows = [
        row
        for row in sorted(material.predictions)
        if not same(material.predictions[row])
        and label in {None, material.predictions[row].expected}
    ]
    found = []
    for row in rows[:most]:
        prediction = material.predictions[row]
        path = Path(material.state.dataset("eval").uri)
        text = _request_text(await asyncio.to_thread(_record, path, row))
        found.append((text, prediction.expected, prediction.label or prediction.answer))
    return found


def _record(path: Path, row: int) -> dict[str, Any]:
    """That line of the evaluation set."""
    try:
        with path.open("rb") as file:
            record: dict[str, Any] = orjson.loads(next(islice(file, row, None)))
    except (OSError, StopIteration, ValueError) as error:
        raise DataError(
            f"The evaluation set {path} cannot be read, so its records cannot be shown.",
            "Start the run again to build it anew.",
        ) from error
    return record


def _request_text(record: dict[str, Any]) -> str:
    """The text of its last user message."""
    asked = [message for message in record["request"]["messages"] if message["role"] == "user"]
    return content_text(asked[-1].get("content")).strip() if asked else ""


def a_is(material: Material, row: int, actor: Actor) -> Side:
    """Who stands as A."""
    run = material.state.run
    place = f"{run.seed}/{run.id}/{material.candidate}/{row}/{actor.id}"
    coin = random.Random(place).random()  # noqa: S311 - no secret
    return "teacher" if coin < 0.5 else "candidate"
