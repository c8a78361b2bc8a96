"""The language model that answers questions, wherever it is, and a conversation with it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pydantic import BaseModel

from flywheel.errors import UnavailableError

Trouble = Literal["slow", "busy", "refused", "unreachable", "broken", "endless"]


class LanguageModelError(UnavailableError):
    """The language model gave no answer. `trouble` says why in one word."""

    def __init__(self, trouble: Trouble, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.trouble = trouble


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

        Raises LanguageModelError.
        """
        ...


class LanguageModel(Protocol):
    """One chat model behind one address."""

    @property
    def name(self) -> str:
        """As the endpoint names it; its name in the price table."""
        ...

    def conversation(self, system: str, tools: Sequence[ToolSpec] = ()) -> Conversation:
        """A new one; `system` is its system prompt."""
        ...

    async def warm(self) -> None:
        """Get ready, which may take seconds, before anybody waits for it."""
        ...

    async def ping(self) -> str:
        """What answers there, in a few words. Raises UnavailableError."""
        ...

    async def close(self) -> None:
        """Let go of its connections."""
        ...
