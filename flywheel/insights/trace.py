"""How an answer came about, as it is kept with it."""

from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, Field

from flywheel.views import Answer

AnsweredBy = Literal["reader", "model", "fallback"]


class ToolCall(BaseModel, frozen=True):
    """One call that a language model has made."""

    name: str
    arguments: dict[str, Any]


class Trace(BaseModel, frozen=True):
    """What was asked of a language model, if any was."""

    fell_back: str | None = Field(
        None, description="Why the reader answered though there is a language model"
    )
    tools: list[ToolCall] = Field(default_factory=list)
    prompt: str | None = Field(None, description="Name of the prompt")
    prompt_digest: str | None = None
    model: str | None = Field(None, description="Also where its answer was not taken")
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: Decimal | None = None

    def answered_by(self, answer: Answer) -> AnsweredBy:
        """Who has answered in the end."""
        if answer.by == "model":
            return "model"
        return "reader" if self.fell_back is None else "fallback"
