"""The language model that answers questions, wherever it is."""

from typing import TYPE_CHECKING, Literal, Protocol

from flywheel.errors import UnavailableError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

Trouble = Literal["slow", "busy", "refused", "unreachable", "broken"]


class LanguageModelError(UnavailableError):
    """The language model gave no answer. `trouble` says why in one word."""

    def __init__(self, trouble: Trouble, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.trouble = trouble


class LanguageModel(Protocol):
    """One chat model behind one address."""

    @property
    def name(self) -> str:
        """As the endpoint names it; its name in the price table."""
        ...

    def chat(self) -> "BaseChatModel":
        """The model for LangChain; the same one every time.

        Asked in vain it raises LanguageModelError, within the deadline of an answer.
        """
        ...

    async def ping(self) -> str:
        """What answers there, in a few words. Raises UnavailableError."""
        ...

    async def close(self) -> None:
        """Let go of its connections."""
        ...
