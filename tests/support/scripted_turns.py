"""Turns of a scripted model: good answers, and every way in which a model can be ill."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.support.scripted_request import ChatRequest


@dataclass(frozen=True)
class Turn:
    """What happens to one request; `say`, `call` and so on make them."""

    text: str = ""
    calls: tuple[tuple[str, str], ...] = ()  # names and arguments, as the model writes them
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: str | None = None  # instead of a completion
    wait: float = 0.0  # seconds before the first byte
    pause: float = 0.0  # seconds between the pieces of a stream
    drop_after: int | None = None  # pieces of a stream, then the connection is gone
    choices: bool = True


Decide = Callable[[ChatRequest], Turn]
Script = list[Turn | Decide]


def say(text: str) -> Turn:
    """A text."""
    return Turn(text=text)


def call(name: str, **arguments: Any) -> Turn:
    """A tool call; also of a tool that nobody has."""
    return Turn(calls=((name, json.dumps(arguments)),))


def calls(*turns: Turn) -> Turn:
    """Several tool calls at once."""
    return Turn(calls=tuple(one for turn in turns for one in turn.calls))


def malformed(name: str, arguments: str = '{"run": ') -> Turn:
    """A tool call whose arguments are no JSON."""
    return Turn(calls=((name, arguments),))


def status(code: int, **headers: str) -> Turn:
    """Another status than 200: 429 with `Retry_After="1"`, 500."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Turn(status=code, headers=named)


def invalid_json() -> Turn:
    """An answer that breaks off in its JSON, under status 200."""
    return Turn(raw='{"id": "chatcmpl-1", "choices": [')


def empty() -> Turn:
    """An answer without a word."""
    return Turn()


def no_choices() -> Turn:
    """A completion without a choice."""
    return Turn(choices=False)


def slow(turn: Turn, wait: float = 30.0) -> Turn:
    """The same, later: by default after every deadline."""
    return replace(turn, wait=wait)


def trickling(turn: Turn, pause: float) -> Turn:
    """The same, with a pause before each piece of the stream."""
    return replace(turn, pause=pause)


def dropped(turn: Turn, after: int = 0) -> Turn:
    """The connection is gone after so many pieces; at once where it is no stream."""
    return replace(turn, drop_after=after)


def for_ever(turn: Turn) -> Decide:
    """The same to every request: a tool call makes an endless loop."""
    return lambda _request: turn


def parrot(request: ChatRequest) -> Turn:
    """Repeats what it was given last, injections and all: a tool's result, or the question."""
    return say(request.results[-1] if request.results else request.question)
