"""People as judges: which record to ask about next, and what they say.

A question names neither teacher nor candidate: the labels stand as A and B, in an order that
depends on run, candidate, record and person only, so that a skin need not remember it.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Literal, cast

from pydantic import BaseModel, Field
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.db.models import Prediction, Review, Run
from flywheel.errors import ConflictError, InvalidInputError, NotFoundError
from flywheel.evaluation.audit import Audit, Judgement
from flywheel.ports.backends import Backends
from flywheel.runs.present import audit_of
from flywheel.runs.state import WITHDRAWN, run_ref
from flywheel.service.naming import nearest
from flywheel.service.review_material import (
    Material,
    Question,
    Side,
    a_is,
    material_of,
    next_row,
    question_of,
    same,
)
from flywheel.views import Actor

log = logging.getLogger(__name__)

Choice = Literal["a", "b", "both", "neither", "unclear"]


class JudgedError(ConflictError):
    """This person's judgement of the record is stored already."""


class Reveal(BaseModel):
    """An answer that is stored, and now also who said what."""

    a_is: Side
    judgement: Judgement
    right_label: str | None
    teacher_model: str
    candidate: str


class LastAnswer(BaseModel):
    """What a person said last, and who was who."""

    question: Question
    choice: Choice
    reveal: Reveal


class Standing(BaseModel):
    """How far a person is with the records of a candidate."""

    run_id: str
    candidate: str
    records: int = Field(description="Of the evaluation set")
    mine: int = Field(description="Judged by this person")
    anybody: int = Field(description="Judged by anybody")
    question: Question | None = Field(description="The next one; None when they have judged all")
    last: LastAnswer | None = Field(description="None where they have said nothing that stands")
    audit: Audit | None = Field(description="What the judgements of all make of the scores")


async def standing(backends: Backends, ref: str, model: str | None, actor: Actor) -> Standing:
    """How far this person is, with the next record, and the last one with who said what.

    Records that nobody has judged come first, in the order of the sample; one in four of a
    person's questions is one that others have answered, so that it can be seen how far people
    agree. `model` is one of the run's candidates; None is the recommended, else the best one.

    Raises NotFoundError, ConflictError where the candidate has no scores, DataError where the
    evaluation set is gone.
    """
    material = await material_of(backends, ref, model)
    mine = [review for review in material.reviews if review.reviewer == actor.id]
    row = next_row(material, actor.id)
    return Standing(
        run_id=run_ref(material.state.run.id),
        candidate=material.candidate,
        records=len(material.predictions),
        mine=len({review.row for review in mine}),
        anybody=len({review.row for review in material.reviews}),
        question=None if row is None else await question_of(material, row, actor),
        last=await _last(material, mine[-1], actor) if mine else None,
        # How far people agree takes scikit-learn, which is slow to import.
        audit=await asyncio.to_thread(audit_of, material.state, material.candidate),
    )


async def next_question(
    backends: Backends, ref: str, model: str | None, actor: Actor
) -> Question | None:
    """The next record for this person, as in `standing`; None when they have judged all."""
    material = await material_of(backends, ref, model)
    row = next_row(material, actor.id)
    return None if row is None else await question_of(material, row, actor)


async def answer(
    backends: Backends,
    ref: str,
    candidate: str,
    row: int,
    choice: Choice,
    actor: Actor,
    right_label: str | None = None,
    *,
    once: bool = False,
) -> Reveal:
    """Store what a person says of a record. Asked again, the newer answer counts.

    `right_label` only with 'neither': one of the classes, in any case, and neither A nor B.
    Raises NotFoundError, ConflictError, InvalidInputError; with `once` JudgedError where they
    have judged it before.
    """
    material = await material_of(backends, ref, candidate)
    prediction = _prediction(material, row)
    side = a_is(material, row, actor)
    judgement = _judgement(choice, side, prediction)
    right = _right_label(judgement, prediction, right_label, list(material.report.classes))
    review = _review(material, row, actor, judgement, right)
    async with backends.database.transaction() as session:
        await _touch(session, review.run_id)
        if once and await _stands(session, review):
            raise JudgedError("You have judged this record already.", "Take it back first.")
        session.add(review)
    log.info("%s judged record %d of %s", actor.id, row, run_ref(review.run_id))
    return _reveal(material, row, actor, judgement, right)


async def withdraw(backends: Backends, ref: str, candidate: str, row: int, actor: Actor) -> bool:
    """Take back what a person said of a record; False where they have said nothing.

    What was said stays on record and counts no more. Raises NotFoundError, ConflictError.
    """
    material = await material_of(backends, ref, candidate)
    _prediction(material, row)
    review = _review(material, row, actor, WITHDRAWN, None)
    async with backends.database.transaction() as session:
        await _touch(session, review.run_id)
        if not await _stands(session, review):
            return False
        session.add(review)
    log.info("%s took back record %d of %s", actor.id, row, run_ref(review.run_id))
    return True


def _prediction(material: Material, row: int) -> Prediction:
    prediction = material.predictions.get(row)
    if prediction is None:
        raise NotFoundError(
            f"{run_ref(material.state.run.id)} has no evaluation record {row}.",
            f"They are numbered from 0 to {len(material.predictions) - 1}.",
        )
    return prediction


def _review(
    material: Material, row: int, actor: Actor, judgement: str, right_label: str | None
) -> Review:
    prediction = material.predictions[row]
    drawn = next(d for d in material.order if d.row == row)
    run_id = material.state.run.id
    assert run_id is not None
    return Review(
        run_id=run_id,
        candidate=material.candidate,
        row=row,
        record_id=prediction.record_id,
        teacher_label=prediction.expected,
        candidate_label=prediction.label,
        judgement=judgement,
        right_label=right_label,
        reviewer=actor.id,
        stratum=drawn.stratum,
        stratum_size=drawn.stratum_size,
        inclusion=drawn.inclusion,
    )


async def _touch(session: AsyncSession, run_id: int) -> None:
    """The run changes; whoever judges another record of it waits until this is stored."""
    await session.exec(
        update(Run).where(col(Run.id) == run_id).values(version=col(Run.version) + 1)
    )


async def _stands(session: AsyncSession, review: Review) -> bool:
    """Whether this person's judgement of this record counts now."""
    query = (
        select(Review.judgement)
        .where(
            Review.run_id == review.run_id,
            Review.candidate == review.candidate,
            Review.row == review.row,
            Review.reviewer == review.reviewer,
        )
        .order_by(col(Review.id).desc())
    )
    said = (await session.exec(query)).first()
    return said is not None and said != WITHDRAWN


async def _last(material: Material, review: Review, actor: Actor) -> LastAnswer:
    judgement = cast(Judgement, review.judgement)
    side = a_is(material, review.row, actor)
    choice: Choice
    match judgement:
        case "teacher" | "candidate":
            choice = "a" if judgement == side else "b"
        case _:
            choice = judgement
    return LastAnswer(
        question=await question_of(material, review.row, actor),
        choice=choice,
        reveal=_reveal(material, review.row, actor, judgement, review.right_label),
    )


def _reveal(
    material: Material, row: int, actor: Actor, judgement: Judgement, right_label: str | None
) -> Reveal:
    return Reveal(
        a_is=a_is(material, row, actor),
        judgement=judgement,
        right_label=right_label,
        teacher_model=material.report.teacher.model_name,
        candidate=material.candidate,
    )


def _judgement(choice: Choice, a_is: Side, prediction: Prediction) -> Judgement:
    b_is: Side = "candidate" if a_is == "teacher" else "teacher"
    if choice in {"a", "b"} and same(prediction):
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
