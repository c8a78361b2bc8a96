"""How the answers of the last days have done."""

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal

from sqlmodel import col, select

from flywheel.clock import utc_now
from flywheel.db.models import Question, QuestionFeedback
from flywheel.insights.answers_report import AnswersReport, Asked, Said, answers_report
from flywheel.ports.backends import Backends


async def report(backends: Backends, days: int) -> AnswersReport:
    """Of all questions that were asked since, whoever asked them."""
    asked = select(Question).where(col(Question.asked_at) >= utc_now() - timedelta(days=days))
    asked = asked.order_by(col(Question.asked_at))
    feedback = select(QuestionFeedback).order_by(col(QuestionFeedback.at))
    async with backends.database.reading() as session:
        rows = list(await session.exec(asked))
        said: dict[str, list[Said]] = defaultdict(list)
        for one in await session.exec(feedback):
            said[one.question_id].append(Said(right=one.verdict == "right", note=one.note))
    return answers_report([_asked(row, said[row.id]) for row in rows], days)


def _asked(row: Question, said: list[Said]) -> Asked:
    return Asked(
        id=row.id,
        at=row.asked_at,
        question=row.text,
        answer=row.answer,
        by=row.by,
        fell_back=row.fell_back,
        model=row.model,
        seconds=row.seconds,
        cost=None if row.cost is None else Decimal(row.cost),
        input_tokens=row.input_tokens or 0,
        output_tokens=row.output_tokens or 0,
        understood=row.understood,
        refused=row.refused,
        asked_back=bool(row.choices),
        said=said,
    )
