"""Marks an answer: what it states, what it should not, and where it says that it is from. Pure.

It shares no code with what words and checks answers, so that neither hides a fault of the other.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from pydantic import BaseModel, Field

from flywheel.insights.exam.paper import ExamQuestion
from flywheel.insights.exam.truth import Truth
from flywheel.views import Answer

# A moment, else a number with the unit that it has.
_NUMBER = re.compile(
    r"\d{4}-\d\d-\d\d(?: \d\d:\d\d)?"
    r"|(?:\d[\d,]*\d|\d)(?:\.\d+)?(?:[ \u00a0]?(?:%|ms|s|min|h|d|USD)(?!\w))?"
)
_INTERVAL = re.compile(r"[+-]?\d+\.\d{3} \([^()]*%[^()]*\)")
_RUN = re.compile(r"\br-?\d+\b|\brun #?\d+\b", re.IGNORECASE)
_SIZE = re.compile(r"(?<![\w.])\d+(?:\.\d+)?b(?!\w)", re.IGNORECASE)  # '8B', of a model
# Spans from or to this moment; the moments themselves are stated beside them.
_FROM_NOW = re.compile(r"in about [\w .]+ \([^)]*\)|\([\w .]+ ago\)")
_SCALES = {"k": 10**3, "thousand": 10**3, "万": 10**4}
_AMOUNT = re.compile(
    r"(\d[\d,]*)\s*(万|(?:k|thousand|m|mio|mill?i?[oó]n\w*)?(?![\w.]))", re.IGNORECASE
)


class Mark(BaseModel):
    """What became of one question."""

    id: str
    category: str
    text: str
    answer: str
    answerable: bool
    exact: bool = Field(description="All that was expected is stated, and nothing wrong is")
    missing: list[str] = Field(description="Ids of values, and expressions, not found in it")
    unwanted: list[str] = Field(description="Expressions found in it that must not be")
    wrong_numbers: list[str] = Field(description="Neither a value of its sources nor quoted")
    sources_right: bool | None = Field(description="None where no source was expected")
    refused: bool
    should_refuse: bool
    asked_back: bool
    should_ask_back: bool
    by: str = Field("reader", description="Who worded it")


def mark(question: ExamQuestion, answer: Answer, truth: Truth) -> Mark:
    """Marks one answer."""
    missing = [one for one in question.values if not _stated(one, answer.text, truth)]
    missing += [one for one in question.says if not _found(one, answer.text)]
    unwanted = [one for one in question.never_says if _found(one, answer.text)]
    wrong = wrong_numbers(question, answer, truth)
    asked_back = bool(answer.choices) or answer.text.rstrip().endswith(("?", "？"))
    right = not (missing or unwanted or wrong)
    if question.refuses:
        right &= answer.refused
    elif question.answerable:
        right &= not answer.refused and answer.understood
    if question.asks_back:
        right &= asked_back
    cited = {ref for source in answer.sources for ref in re.findall(r"r-\d+", source)}
    return Mark(
        id=question.id,
        category=question.category,
        text=question.text,
        answer=answer.text,
        answerable=question.answerable,
        exact=right,
        missing=missing,
        unwanted=unwanted,
        wrong_numbers=wrong,
        sources_right=cited >= set(question.sources) if question.sources else None,
        refused=answer.refused,
        should_refuse=question.refuses,
        asked_back=asked_back,
        should_ask_back=question.asks_back,
        by=answer.by,
    )


def wrong_numbers(question: ExamQuestion, answer: Answer, truth: Truth) -> list[str]:
    """Numbers that are no value of what the answer cites, nor the asker's, nor part of a name."""
    asked = [question.text, *question.before]
    amounts = [amount for text in asked for amount in _amounts(text)]
    shown = list(truth.cited(answer.sources, amounts))
    allowed = {number for one in shown for number in _in(one)}
    allowed |= {number[:10] for number in allowed if re.match(r"\d{4}-\d\d-", number)}  # the day
    allowed |= {number for text in asked for number in _in(text)}
    allowed |= {f"{amount:,}" for amount in amounts} | {"1,000"}  # what prices are for
    plain = _without(truth.texts(), answer.text)
    plain = _without(truth.names, _FROM_NOW.sub(" ", plain))
    plain = _SIZE.sub(" ", _RUN.sub(" ", plain))
    wrong = [number for number in _in(plain) if number not in allowed]
    # A number with its interval is one value: each digit of it may be that of another.
    whole = [one for one in _INTERVAL.findall(plain) if one not in shown]
    return list(dict.fromkeys([*wrong, *whole]))


def _stated(value_id: str, text: str, truth: Truth) -> bool:
    """Whether the value's number, as it is shown, is in the text."""
    value = truth.value(value_id)
    if value is None:
        return False
    first = re.split(r" \(| per ", value.shown)[0].removesuffix(" UTC").lstrip("+-")
    if re.match(r"\d{4}-\d\d-\d\d ", first):
        first = first[:10]  # the day will do
    return re.search(rf"(?<![\d.,]){re.escape(first)}(?!\d|[.,]\d)", text) is not None


def _found(expression: str, text: str) -> bool:
    return re.search(expression, text, re.IGNORECASE) is not None


def _in(text: str) -> Iterator[str]:
    yield from (match[0].replace("\u00a0", " ") for match in _NUMBER.finditer(text))


def _amounts(text: str) -> Iterator[int]:
    """Requests that somebody asks about: '4 million', '250k', '400万'."""
    for digits, scale in _AMOUNT.findall(text):
        factor = _SCALES.get(scale.lower(), 10**6 if scale else 1)
        yield int(digits.replace(",", "")) * factor


def _without(names: Iterable[str], text: str) -> str:
    for name in names:
        if name in text:
            text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", " ", text)
    return text


def worst(marks: Sequence[Mark], most: int = 10) -> list[Mark]:
    """Those that went wrong: wrong numbers first, then what must not be said, then what lacks."""
    failed = [one for one in marks if not one.exact or one.wrong_numbers]
    failed.sort(key=lambda one: (not one.wrong_numbers, not one.unwanted, -len(one.missing)))
    return failed[:most]
