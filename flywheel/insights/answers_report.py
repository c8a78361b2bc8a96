"""How answers have done: who gave them, what people say of them, time and cost. Pure."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from pydantic import BaseModel, Field

from flywheel.evaluation.interval import Interval
from flywheel.evaluation.intervals import wilson

_CONFIDENCE = 0.95
_MOST = 10  # answers or questions in a list


class Said(BaseModel):
    """What one person says of an answer."""

    right: bool
    note: str = ""


class Asked(BaseModel):
    """A question as it was kept."""

    id: str
    at: datetime
    question: str
    answer: str
    by: str = Field(description="reader, model or fallback")
    fell_back: str | None
    model: str | None
    seconds: float
    cost: Decimal | None
    input_tokens: int
    output_tokens: int
    understood: bool
    refused: bool
    asked_back: bool
    said: list[Said]


class Day(BaseModel):
    """The questions of one day, by UTC."""

    day: date
    reader: int
    model: int
    fallback: int


class Judged(BaseModel):
    """What people say of answers."""

    n: int = Field(description="Judgements: one of each person and answer")
    right: Interval | None = Field(description="Their share, by Wilson; None where there are none")


class AnswersReport(BaseModel):
    """The answers of some days."""

    days: int
    questions: int
    by_day: list[Day]
    fell_back: dict[str, int] = Field(description="Why no language model answered, by frequency")
    judged: Judged
    judged_of_model: Judged = Field(description="Of answers that a language model has worded")
    p50_seconds: float | None
    p95_seconds: float | None
    cost: Decimal
    input_tokens: int
    output_tokens: int
    not_understood: int
    refused: int
    asked_back: int
    wrong: list[Asked] = Field(description="Answers that people call wrong, most of them first")
    unclear: dict[str, int] = Field(description="Questions not understood, by frequency")


def answers_report(asked: Sequence[Asked], days: int) -> AnswersReport:
    """The report on these questions."""
    seconds = sorted(one.seconds for one in asked)
    wrong = [one for one in asked if _wrongs(one)]
    unclear = Counter(_plain(one.question) for one in asked if not one.understood)
    return AnswersReport(
        days=days,
        questions=len(asked),
        by_day=_by_day(asked),
        fell_back=dict(Counter(one.fell_back for one in asked if one.fell_back).most_common()),
        judged=_judged(asked),
        judged_of_model=_judged([one for one in asked if one.by == "model"]),
        p50_seconds=_quantile(seconds, 0.5),
        p95_seconds=_quantile(seconds, 0.95),
        cost=sum((one.cost for one in asked if one.cost is not None), Decimal(0)),
        input_tokens=sum(one.input_tokens for one in asked),
        output_tokens=sum(one.output_tokens for one in asked),
        not_understood=sum(not one.understood for one in asked),
        refused=sum(one.refused for one in asked),
        asked_back=sum(one.asked_back for one in asked),
        wrong=sorted(wrong, key=lambda one: (-_wrongs(one), -one.at.timestamp()))[:_MOST],
        unclear=dict(unclear.most_common(_MOST)),
    )


def _by_day(asked: Sequence[Asked]) -> list[Day]:
    found: dict[date, Counter[str]] = {}
    for one in asked:
        found.setdefault(one.at.date(), Counter())[one.by] += 1
    return [
        Day(day=day, reader=by["reader"], model=by["model"], fallback=by["fallback"])
        for day, by in sorted(found.items())
    ]


def _judged(asked: Sequence[Asked]) -> Judged:
    said = [each.right for one in asked for each in one.said]
    share = wilson(sum(said), len(said), _CONFIDENCE) if said else None
    return Judged(n=len(said), right=share)


def _wrongs(one: Asked) -> int:
    return sum(not each.right for each in one.said)


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that so many do not exceed."""
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else None


def _plain(question: str) -> str:
    """As it counts as the same question: without case, marks and ends."""
    return " ".join(re.sub(r"[^\w\s%+/-]", " ", question.casefold()).split())[:200]
