"""The port of language models: a conversation in which the model may call tools."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel


@dataclass(frozen=True)
class ToolSpec:
    """A tool that the model may call; what `call` returns is given to it as text."""

    name: str
    description: str
    arguments: type[BaseModel]
    call: Callable[[dict[str, Any]], Awaitable[str]]


@dataclass(frozen=True)
class Said:
    """What the model says once it calls no more tools."""

    text: str
    input_tokens: int = 0
    output_tokens: int = 0


class Conversation(Protocol):
    """Remembers what was said in it."""

    async def say(self, text: str) -> Said:
        """Say something to the model, let it call its tools, and return what it says.

        Raises UnavailableError where its endpoint does not answer, or answers what is none.
        """
        ...


class LanguageModel(Protocol):
    """A model behind an endpoint."""

    @property
    def name(self) -> str:
        """As its endpoint names it."""
        ...

    def conversation(self, system: str, tools: Sequence[ToolSpec] = ()) -> Conversation:
        """A new one; `system` is its system prompt."""
        ...
