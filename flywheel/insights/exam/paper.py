"""The questions of the examination, with what a right answer has in it."""

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

_FILE = Path(__file__).parent / "questions.yaml"
_HELD_OUT = Path(__file__).parent / "held_out.yaml"
# Here a right answer gives no number: it refuses, or asks back.
_WITHOUT_ANSWER = frozenset({"unanswerable", "ambiguous"})


class ExamQuestion(BaseModel):
    """One question and its expectations."""

    model_config = ConfigDict(extra="forbid")

    id: str
    category: str
    text: str
    focus: str | None = Field(None, description="The run that the conversation is about")
    before: list[str] = Field(default_factory=list, description="Earlier questions of the thread")
    values: list[str] = Field(default_factory=list, description="Ids of values that it must state")
    sources: list[str] = Field(default_factory=list, description="Runs that it must name")
    says: list[str] = Field(default_factory=list, description="Expressions found in it")
    never_says: list[str] = Field(default_factory=list, description="Expressions not found in it")
    refuses: bool = Field(False, description="It must say that this cannot be answered")
    asks_back: bool = Field(False, description="It must offer choices or ask a question")

    @property
    def answerable(self) -> bool:
        """Whether what there is answers it."""
        return not (self.refuses or self.asks_back or self.category in _WITHOUT_ANSWER)


def load_questions(held_out: bool = False) -> list[ExamQuestion]:
    """All of them, by category; `held_out`: those that the reader was never fitted to."""
    categories = yaml.safe_load((_HELD_OUT if held_out else _FILE).read_text("utf-8"))
    return [
        ExamQuestion(category=category, **question)
        for category, questions in categories.items()
        for question in questions
    ]
