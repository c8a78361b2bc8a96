"""What was said before in a conversation."""

from collections.abc import Iterable

from pydantic import BaseModel, Field

MOST_TURNS = 6
MOST_CHARACTERS = 2000  # of questions and answers together


class Turn(BaseModel, frozen=True):
    """A question and its answer."""

    question: str
    answer: str
    run: str | None = Field(None, description="That the answer is about")
    models: list[str] = Field(default_factory=list, description="That it is about, if any")


def bounded(newest_first: Iterable[Turn]) -> list[Turn]:
    """As many of the newest turns as fit, the oldest first; the newest is cut where it must be."""
    kept: list[Turn] = []
    room = MOST_CHARACTERS
    for turn in newest_first:
        if len(kept) == MOST_TURNS or (kept and len(turn.question) + len(turn.answer) > room):
            break
        question = turn.question[:room]
        answer = turn.answer[: room - len(question)]
        kept.append(turn.model_copy(update={"question": question, "answer": answer}))
        room -= len(question) + len(answer)
    return kept[::-1]
