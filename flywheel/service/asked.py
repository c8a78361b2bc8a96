"""Questions as they are kept with their answers: stored, gone back to, judged, removed."""

import logging
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple

from sqlalchemy import ColumnElement
from sqlmodel import col, delete, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.clock import utc_now
from flywheel.db.models import Question, QuestionFeedback
from flywheel.errors import NotFoundError
from flywheel.insights.budget import Used
from flywheel.insights.history import MOST_TURNS, Turn, bounded
from flywheel.insights.trace import Trace
from flywheel.ports.backends import Backends
from flywheel.views import Actor, Answer, Place

log = logging.getLogger(__name__)

Verdict = Literal["right", "wrong"]

_LONGEST = 4000  # characters of a question or a note
_FOLLOWED = timedelta(hours=24)  # so long something that was said is gone back to
_LOOKED_AT = 5 * MOST_TURNS  # turns, of which some may not be for this person


def new_id() -> str:
    """The id of a question: random, so that nobody guesses that of an answer they cannot see."""
    return secrets.token_hex(12)


def kept_text(text: str) -> str:
    """The text as every database takes it."""
    return text[:_LONGEST].replace("\x00", "").encode(errors="replace").decode()


def question_row(
    question: str,
    answer: Answer,
    actor: Actor,
    *,
    trace: Trace,
    seconds: float,
    place: Place | None,
    focus_run: str | None,
    about: tuple[str | None, Sequence[str]],
) -> Question:
    """What is kept of a question that was answered; `about` is a run and its models."""
    assert answer.id is not None
    run, models = about
    return Question(
        id=answer.id,
        actor=actor.id,
        origin=actor.origin,
        place=None if place is None else place.key,
        focus_run=focus_run,
        text=kept_text(question),
        answer=answer.text,
        sources=answer.sources,
        choices=answer.choices,
        limited_to=answer.limited_to,
        run=run,
        models=list(models),
        by=trace.answered_by(answer),
        fell_back=trace.fell_back,
        tools=[call.model_dump(mode="json") for call in trace.tools],
        prompt=trace.prompt,
        prompt_digest=trace.prompt_digest,
        model=trace.model,
        input_tokens=trace.input_tokens,
        output_tokens=trace.output_tokens,
        cost=None if trace.cost is None else str(trace.cost),
        seconds=seconds,
        understood=answer.understood,
        refused=answer.refused,
    )


async def keep(backends: Backends, row: Question) -> None:
    """Store it. Raises DatabaseUnavailableError."""
    async with backends.database.transaction() as session:
        session.add(row)


async def history(backends: Backends, actor: Actor, place: Place | None) -> list[Turn]:
    """What was said before in the same place, as far as this person may read it, oldest first.

    Where there is no thread only what they have asked themselves; of what others have asked
    nothing that was for them alone.
    """
    if place is None:
        return []
    query = (
        select(Question)
        .where(Question.place == place.key, col(Question.asked_at) > utc_now() - _FOLLOWED)
        .order_by(col(Question.asked_at).desc())
        .limit(_LOOKED_AT)
    )
    if place.thread is None:
        query = query.where(Question.actor == actor.id)
    async with backends.database.reading() as session:
        rows = list(await session.exec(query))
    return bounded(
        Turn(question=row.text, answer=row.answer, run=row.run, models=row.models)
        for row in rows
        if _may_read(backends, actor, row)
    )


def _may_read(backends: Backends, actor: Actor, row: Question) -> bool:
    """Whether an answer was for this person, and tells them nothing that they see no longer."""
    if row.actor != actor.id and row.limited_to:
        return False
    said = f"{row.text}\n{row.answer}"
    return not any(name in row.limited_to or name in said for name in backends.hidden)


async def say(
    backends: Backends, question_id: str, verdict: Verdict, actor: Actor, note: str = ""
) -> str | None:
    """Keep what somebody says of an answer, in place of what they said before: the return value.

    Raises NotFoundError where the question was removed.
    """
    async with backends.database.transaction() as session:
        await backends.database.lock(session, f"question {question_id}")
        await _require(session, question_id)
        row = await session.get(QuestionFeedback, (question_id, actor.id))
        before = None if row is None else row.verdict
        row = row or QuestionFeedback(question_id=question_id, actor=actor.id, verdict=verdict)
        row.verdict, row.note, row.at = verdict, kept_text(note), utc_now()
        session.add(row)
    log.info("%s says that the answer %s is %s", actor.id, question_id, verdict)
    return before


class Chosen(NamedTuple):
    """What is asked by choosing one of the answers to a question back."""

    question: str
    focus_run: str | None


async def choose(
    backends: Backends, question_id: str, number: int, actor: Actor, *, again: bool = False
) -> Chosen | None:
    """Choose an offered answer, from 0; None where somebody has chosen before.

    `again` is for a process that takes up what another one may have begun. Raises NotFoundError.
    """
    async with backends.database.transaction() as session:
        await backends.database.lock(session, f"question {question_id}")
        row = await _require(session, question_id)
        if not 0 <= number < len(row.choices):
            raise NotFoundError("This question has no such answer.", "Ask it in your own words.")
        mine = row.chosen == number and row.chosen_by == actor.id
        if row.chosen is not None and not (again and mine):
            return None
        row.chosen, row.chosen_by = number, actor.id
        session.add(row)
    return Chosen(row.choices[number], row.focus_run)


async def _require(session: AsyncSession, question_id: str) -> Question:
    row = await session.get(Question, question_id)
    if row is None:
        raise NotFoundError("This question is not kept any more.", "Ask it again.")
    return row


async def used_today(backends: Backends, actor: Actor, now: datetime | None = None) -> Used:
    """What was asked of a language model since 00:00 UTC."""
    today = (now or utc_now()).replace(hour=0, minute=0, second=0, microsecond=0)
    asked = (col(Question.asked_at) >= today, col(Question.model).is_not(None))
    own = select(func.count()).select_from(Question).where(*asked, Question.actor == actor.id)
    costs = select(Question.cost).where(*asked, col(Question.cost).is_not(None))
    async with backends.database.reading() as session:
        questions = (await session.exec(own)).one()
        cost = sum((Decimal(each) for each in await session.exec(costs) if each), Decimal(0))
    return Used(questions=questions, cost=cost)


async def old(backends: Backends) -> int:
    """How many questions are older than the settings keep them."""
    query = select(func.count()).select_from(Question).where(_is_old(backends, utc_now()))
    async with backends.database.reading() as session:
        return (await session.exec(query)).one()


async def forget_old(backends: Backends, now: datetime | None = None) -> int:
    """Remove them, with what people have said of the answers; how many there were."""
    async with backends.database.transaction() as session:
        found = await session.exec(delete(Question).where(_is_old(backends, now or utc_now())))
    if found.rowcount:
        log.info("%d old questions are removed", found.rowcount)
    return found.rowcount


def _is_old(backends: Backends, now: datetime) -> ColumnElement[bool]:
    kept = timedelta(days=backends.settings.questions_config.keep_days)
    return col(Question.asked_at) < now - kept
