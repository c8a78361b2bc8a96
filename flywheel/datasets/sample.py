"""A synthetic log to try flywheel with: financial headlines and a large model's answers.

Everything is made up from a seed, and every record says so (`"synthetic": true`). The log has
what a real one has: a skewed mix of event types, headlines that could be two things, answers
that are wrong, wordy or unreadable, repeats, and the same headline again with another link.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any, NamedTuple

from flywheel.datasets.sample_templates import (
    COMPANIONS,
    JOINTS,
    LABELS,
    TAILS,
    TEMPLATES,
    VAGUE,
)
from flywheel.datasets.sample_words import Words
from flywheel.prompts import render

WORKLOAD = "news_classifier"
CLIENT = "demo-newsdesk"
TEACHER = "meta/llama-3.3-70b-instruct"
PROMPT = "sample_news_classifier"

START = datetime(2026, 9, 28, tzinfo=UTC)
DAYS = 42

# Shares of the records.
EXACT_REPEATS = 0.02
NEAR_REPEATS = 0.05
WRONG_ANSWERS = 0.02
WORDY_ANSWERS = 0.03
UNREADABLE_ANSWERS = 0.008
# Shares of the headlines.
TWO_EVENTS = 0.12
SECOND_IS_THE_NEWS = 0.2  # ... of those with two events
VAGUE_HEADLINES = 0.02
WITH_TAIL = 0.4
WITH_LINK = 0.3

STYLES = ("[[[{label}]]]", "[[{label}]]", "[{label}]", "{label}", "[[[ {label} ]]]\n")
STYLE_WEIGHTS = (92, 3, 2, 2, 1)
WORDY = (
    "The headline mentions [[[{other}]]], but the news is something else.\n[[[{label}]]]",
    "It could be {other} or {label}. The main event is [[[{label}]]].",
    "Event type: [[[{label}]]]",
    "I would call this [[{label}]], because that is what the headline is mainly about.",
)
UNREADABLE = (
    "I'm sorry, the headline does not say enough to choose an event type.",
    "None of the event types fits.",
    "[[[",
    "The headline is about a company.",
)


class Headline(NamedTuple):
    """A headline and what it is really about."""

    text: str
    label: str


def sample_records(records: int, seed: int) -> Iterator[dict[str, Any]]:
    """`records` records, oldest first; the same numbers give the same log, byte by byte."""
    random = Random(seed)  # noqa: S311 - nothing secret; it has to be repeatable
    newsroom, teacher = _Newsroom(random), _Teacher(random)
    for number, timestamp in enumerate(_times(random, records)):
        yield teacher.record(number, timestamp, newsroom.headline())


def system_prompt() -> str:
    """What the traffic says to the teacher before every headline."""
    return render(PROMPT, labels=LABELS).text


class _Newsroom:
    """Writes headlines, and now and then one again."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._words = Words(random)
        self._shares = [TEMPLATES[label][0] for label in LABELS]
        self._written: list[Headline] = []

    def headline(self) -> Headline:
        draw = self._random.random()
        if self._written and draw < EXACT_REPEATS:
            return self._random.choice(self._written)
        if self._written and draw < EXACT_REPEATS + NEAR_REPEATS:
            known = self._random.choice(self._written)
            return Headline(self._retouched(known.text), known.label)
        written = self._new()
        self._written.append(written)
        return written

    def _new(self) -> Headline:
        label = self._random.choices(LABELS, self._shares)[0]
        cast = self._words.cast()
        draw = self._random.random()
        if draw < VAGUE_HEADLINES:
            text = self._fill(VAGUE, cast)
        elif draw < VAGUE_HEADLINES + TWO_EVENTS:
            other = self._random.choice(COMPANIONS[label])
            events = [self._fill(TEMPLATES[event][1], cast) for event in (label, other)]
            if self._random.random() < SECOND_IS_THE_NEWS:
                events.reverse()
            text = self._random.choice(JOINTS).format(*events)
        else:
            text = self._fill(TEMPLATES[label][1], cast)
            if self._random.random() < WITH_TAIL:
                text += self._fill(TAILS, cast)
        if self._random.random() < WITH_LINK:
            text = f"{text} {self._link()}"
        return Headline(text, label)

    def _fill(self, templates: Sequence[str], cast: dict[str, str]) -> str:
        return self._words.fill(self._random.choice(templates), cast)

    def _retouched(self, text: str) -> str:
        """The same headline as another feed writes it."""
        plain = text.partition(" https://")[0]
        match self._random.randrange(5):
            case 0:
                return f"{plain} {self._link()}"
            case 1:
                return plain.upper()
            case 2:
                return f"{plain}…"
            case 3:
                return plain.replace(" ", "  ", 2)
            case _:
                return f"{self._link()} {plain}."

    def _link(self) -> str:
        code = "".join(self._random.choices("abcdefghkmnpqrstuvwxyzABCDEFGH23456789", k=8))
        return f"https://wire.example/{code}"


def _times(random: Random, records: int) -> list[int]:
    """Epoch seconds, sorted: more by day than by night, less at the weekend."""
    times: list[int] = []
    while len(times) < records:
        day, hour = random.randrange(DAYS), random.randrange(24)
        busy = (0.25 if day % 7 > 4 else 1.0) * (1.0 if 6 <= hour < 21 else 0.2)
        if random.random() < busy:
            times.append((day * 24 + hour) * 3600 + random.randrange(3600))
    start = int(START.timestamp())
    return [start + seconds for seconds in sorted(times)]


class _Teacher:
    """Answers headlines the way a large model does: mostly right, mostly as it was told."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._prompt = system_prompt()

    def record(self, number: int, timestamp: int, headline: Headline) -> dict[str, Any]:
        """The exchange as production logs it."""
        answer = self._answer(headline.label)
        prompt_tokens = round((len(self._prompt) + len(headline.text)) / 4.6) + 12
        completion_tokens = max(3, round(len(answer) / 3.4))
        seconds = (0.24 + 0.0004 * prompt_tokens + 0.03 * completion_tokens) * (
            self._random.lognormvariate(0, 0.22)
        )
        return {
            "timestamp": timestamp,
            "workload_id": WORKLOAD,
            "client_id": CLIENT,
            "synthetic": True,
            "latency_seconds": round(seconds, 3),
            "request": {
                "model": TEACHER,
                "messages": [
                    {"role": "system", "content": self._prompt},
                    {"role": "user", "content": headline.text},
                ],
                "temperature": 0.0,
                "max_tokens": 64,
            },
            "response": {
                "id": f"chatcmpl-sample-{number}",
                "object": "chat.completion",
                "created": timestamp,
                "model": TEACHER,
                "choices": [
                    {
                        "index": 0,
                        "finish_reason": "stop",
                        "message": {"role": "assistant", "content": answer},
                    }
                ],
                "usage": {
                    "prompt_tokens": prompt_tokens,
                    "completion_tokens": completion_tokens,
                    "total_tokens": prompt_tokens + completion_tokens,
                },
            },
        }

    def _answer(self, label: str) -> str:
        pick, draw = self._random.choice, self._random.random()
        if draw < UNREADABLE_ANSWERS:
            return pick(UNREADABLE)
        if self._random.random() < WRONG_ANSWERS:
            label = pick([other for other in LABELS if other != label])
        if draw < UNREADABLE_ANSWERS + WORDY_ANSWERS:
            return pick(WORDY).format(label=label, other=pick(COMPANIONS[label]))
        return self._random.choices(STYLES, STYLE_WEIGHTS)[0].format(label=label)
