"""When a question speaks of: 'yesterday', 'in the last two weeks', 'two runs ago'. Pure."""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_NUMBERS = {word: n for n, word in enumerate("zero one two three four five six seven".split())}
_NUMBER = rf"(\d+|{'|'.join(_NUMBERS)}|a|an|few)"
_DAYS = {"hour": 1 / 24, "day": 1, "week": 7, "month": 30, "year": 365}
_AGO = re.compile(rf"\b{_NUMBER} runs? (ago|before|back)\b")
_BEFORE = re.compile(r"\b(previous|preceding) (\w+ )?run\b|\brun before\b|\blast but one\b")
_SPAN = re.compile(rf"\b(?:last|past|previous) (?:{_NUMBER} )?(hour|day|week|month|year)s?\b")


class Span(NamedTuple):
    """From when to when."""

    start: datetime
    end: datetime


def span_of(text: str, now: datetime) -> Span | None:
    """The time that the question is about; None where it names none."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if re.search(r"\byesterday\b", text):
        return Span(today - timedelta(days=1), today)
    if re.search(r"\btoday\b", text):
        return Span(today, now)
    if re.search(r"\bthis week\b", text):
        return Span(today - timedelta(days=today.weekday()), now)
    if match := _SPAN.search(text):
        return Span(now - _number(match[1]) * timedelta(days=_DAYS[match[2]]), now)
    return None


def runs_ago(text: str) -> int:
    """How many runs back: 2 for 'two runs ago', 1 for 'the previous run', 0 where none is meant."""
    if match := _AGO.search(text):
        return _number(match[1])
    return 1 if _BEFORE.search(text) else 0


def _number(word: str | None) -> int:
    if word is None or word in {"a", "an"}:
        return 1
    if word == "few":
        return 3
    return int(word) if word.isdigit() else _NUMBERS[word]
