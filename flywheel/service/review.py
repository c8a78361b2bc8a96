"""People as judges: which record to ask about next, and what they say.

A question names neither teacher nor candidate: the labels stand as A and B, in an order that
depends on run, candidate, record and person only, so that a skin need not remember it.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import BaseModel, Field
from sqlmodel import col, select, update

from flywheel.datasets.report import DatasetReport
from flywheel.db.models import Evaluation, Prediction, Review, Run
from flywheel.decisions.verdict import Recommendation
from flywheel.errors import ConflictError, DataError, InvalidInputError, NotFoundError
from flywheel.evaluation.audit import Judgement
from flywheel.evaluation.sampling import Answered, Drawn, draw
from flywheel.evaluation.tool_calls import in_words
from flywheel.ports.backends import Backends
from flywheel.records import content_text
from flywheel.runs.state import RunState, load_state, run_ref
from flywheel.service.naming import find, nearest
from flywheel.views import Actor

log = logging.getLogger(__name__)

Choice = Literal["a", "b", "both", "neither", "unclear"]
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


class Reveal(BaseModel):
    """An answer that is stored, and now also who said what."""

    a_is: Side
    judgement: Judgement
    right_label: str | None
    teacher_model: str
    candidate: str


@dataclass(frozen=True)
class _Material:
    """A candidate's answers, with what people have said of them."""

    state: RunState
    candidate: str
    predictions: dict[int, Prediction]
    order: list[Drawn]
    reviews: list[Review]

    @property
    def report(self) -> DatasetReport:
        return DatasetReport.model_validate(self.state.run.dataset_report)


async def next_question(
    backends: Backends, ref: str, model: str | None, actor: Actor
) -> Question | None:
    """The next record for this person; None when they have judged all.

    Records that nobody has judged come first, in the order of the sample; one in four of a
    person's questions is one that others have answered, so that it can be seen how far people
    agree. `model` is one of the run's candidates; None is the recommended, else the best one.

    Raises NotFoundError, ConflictError where the candidate has no scores, DataError where the
    evaluation set is gone.
    """
    material = await _material(backends, ref, model)
    row = _next_row(material, actor.id)
    return None if row is None else await _question(material, row, actor)


async def answer(
    backends: Backends,
    ref: str,
    candidate: str,
    row: int,
    choice: Choice,
    actor: Actor,
    right_label: str | None = None,
) -> Reveal:
    """Store what a person says of a record. Asked again, the newer answer counts.

    `right_label` only with 'neither': one of the classes, in any case, and neither A nor B.
    Raises NotFoundError, ConflictError, InvalidInputError.
    """
    material = await _material(backends, ref, candidate)
    prediction = material.predictions.get(row)
    if prediction is None:
        raise NotFoundError(
            f"{run_ref(material.state.run.id)} has no evaluation record {row}.",
            f"They are numbered from 0 to {len(material.predictions) - 1}.",
        )
    side = _a_is(material, row, actor)
    judgement = _judgement(choice, side, prediction)
    right = _right_label(judgement, prediction, right_label, list(material.report.classes))
    drawn = next(d for d in material.order if d.row == row)
    run_id = material.state.run.id
    assert run_id is not None
    async with backends.database.transaction() as session:
        session.add(
            Review(
                run_id=run_id,
                candidate=material.candidate,
                row=row,
                record_id=prediction.record_id,
                teacher_label=prediction.expected,
                candidate_label=prediction.label,
                judgement=judgement,
                right_label=right,
                reviewer=actor.id,
                stratum=drawn.stratum,
                stratum_size=drawn.stratum_size,
                inclusion=drawn.inclusion,
            )
        )
        await session.exec(
            update(Run).where(col(Run.id) == run_id).values(version=col(Run.version) + 1)
        )
    log.info("%s judged record %d of %s", actor.id, row, run_ref(run_id))
    return Reveal(
        a_is=side,
        judgement=judgement,
        right_label=right,
        teacher_model=material.report.teacher.model_name,
        candidate=material.candidate,
    )


async def _material(backends: Backends, ref: str, model: str | None) -> _Material:
    async with backends.database.transaction() as session:
        state = await load_state(session, await find(session, ref))
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
        Answered(row, p.expected, p.expected if _same(p) else None, p.confidence)
        if p.correct is not None
        else Answered(row, p.expected, p.label, p.confidence)
        for row, p in sorted(predictions.items())
    ]
    order = await asyncio.to_thread(draw, answers, f"{state.run.seed}/{candidate}")
    reviews = [review for review in state.reviews if review.candidate == candidate]
    return _Material(state, candidate, predictions, order, reviews)


def _same(prediction: Prediction) -> bool:
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


def _next_row(material: _Material, reviewer: str) -> int | None:
    mine = {r.row for r in material.reviews if r.reviewer == reviewer}
    people = Counter(row for row, _ in {(r.row, r.reviewer) for r in material.reviews})
    rows = [drawn.row for drawn in material.order if drawn.row not in mine]
    new = next((row for row in rows if not people[row]), None)
    # Of those that others have judged, the ones with the fewest judges first.
    shared = min((row for row in rows if people[row]), key=lambda row: people[row], default=None)
    if shared is not None and (new is None or len(mine) % _SHARED_EVERY == _SHARED_EVERY - 1):
        return shared
    return new


async def _question(material: _Material, row: int, actor: Actor) -> Question:
    prediction = material.predictions[row]
    path = Path(material.state.dataset("eval").uri)
    record = await asyncio.to_thread(_record, path, row)
    labels = [prediction.expected, prediction.label or prediction.answer.strip() or "(nothing)"]
    if prediction.correct is not None:
        expected = record["response"]["choices"][0]["message"].get("tool_calls")
        given = in_words(prediction.tool_calls) if prediction.tool_calls else prediction.answer
        labels = [in_words(expected), given.strip() or "(no call)"]
    if _a_is(material, row, actor) == "candidate":
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


def _a_is(material: _Material, row: int, actor: Actor) -> Side:
    run = material.state.run
    place = f"{run.seed}/{run.id}/{material.candidate}/{row}/{actor.id}"
    coin = random.Random(place).random()  # noqa: S311 - no secret
    return "teacher" if coin < 0.5 else "candidate"


def _judgement(choice: Choice, a_is: Side, prediction: Prediction) -> Judgement:
    b_is: Side = "candidate" if a_is == "teacher" else "teacher"
    if choice in {"a", "b"} and _same(prediction):
        return "both"  # whichever of two equal labels it is
    if choice == "a":
        return a_is
    if choice == "b":
        return b_is
    return choice


def _right_label(
    judgement: Judgement, prediction: Prediction, wanted: str | None, classes: Sequence[str]
) -> str | None:
    """The right label, where what was said tells it or the person names it."""
    said = {prediction.expected, prediction.label}
    if judgement != "neither" and wanted is not None:
        raise InvalidInputError(
            "The right label is asked only where both are wrong.", "Leave it out."
        )
    if judgement == "teacher" or (judgement == "both" and len(said) == 1):
        return prediction.expected
    if judgement == "candidate":
        return prediction.label
    if wanted is None:
        return None
    known = {label.casefold(): label for label in classes}
    label = known.get(wanted.strip().casefold())
    if label is None:
        raise InvalidInputError(
            f"There is no class '{wanted}'.", f"{nearest(wanted, classes)}Choose one of the list."
        )
    if label in said:
        raise InvalidInputError(
            f"'{label}' is one of the two labels, so they are not both wrong.",
            "Say who is right, or name another label.",
        )
    return label
