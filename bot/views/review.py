"""The modal in which people judge: one record at a time, and nobody sees whose answer is whose."""

from collections.abc import Sequence

from pydantic import BaseModel
from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    Option,
    OverflowMenuElement,
    PlainTextObject,
)
from slack_sdk.models.views import View

from bot.views.message import context, quoted, section
from bot.views.text import code, mrkdwn
from flywheel.evaluation.audit import Audit, in_words
from flywheel.formatting import count, percent
from flywheel.service.review import Choice, LastAnswer, Standing
from flywheel.service.review_material import Question

REVIEW = "review_disagreements"
REVIEW_VIEW = "review_view"
A, B, NEITHER, MORE = "review_a", "review_b", "review_neither", "review_more"
UNDO = "review_undo"
TEXT_CHARACTERS = 2_000  # the rest of a long request is left out
_LABEL_CHARACTERS = 1_000

_SAID: dict[Choice, str] = {
    "a": "A is right",
    "b": "B is right",
    "both": "both are right",
    "neither": "neither is right",
    "unclear": "it is unclear",
}
_MORE: Sequence[tuple[Choice, str]] = (("both", "Both are right"), ("unclear", "I cannot say"))


class ReviewContext(BaseModel):
    """What the modal carries along."""

    run_id: str
    candidate: str


def review_modal(standing: Standing) -> View:
    """The next record with three answers, after it who was who in the last one."""
    blocks: list[Block] = [context(_progress(standing), "progress")]
    if standing.last is not None:
        blocks += [section(_revealed(standing.last), "last"), _undo(standing.last)]
    if standing.question is not None:
        blocks += _asked(standing.question)
    else:
        blocks.append(section(_closing(standing), "closing"))
    carried = ReviewContext(run_id=standing.run_id, candidate=standing.candidate)
    return View(
        type="modal",
        callback_id=REVIEW_VIEW,
        title=PlainTextObject(text="Who is right?"),
        close=PlainTextObject(text="Close"),
        private_metadata=carried.model_dump_json(),
        blocks=blocks,
    )


def picked(action: dict[str, object]) -> tuple[int, Choice]:
    """Record and choice of a press."""
    option = action.get("selected_option")
    value = option["value"] if isinstance(option, dict) else action["value"]
    row, _, choice = str(value).partition(":")
    return int(row), next(known for known in _SAID if known == choice)


def _progress(standing: Standing) -> str:
    mine, all_of_them = count(standing.mine), count(standing.records)
    parts = [
        f"{standing.run_id}, {code(standing.candidate, 80)}",
        f"{mine} of {all_of_them} judged by you, {count(standing.anybody)} by anybody",
    ]
    if agreement := _agreement(standing.audit):
        parts.append(agreement)
    return " · ".join(parts)


def _agreement(audit: Audit | None) -> str:
    found = None if audit is None else audit.agreement
    if found is None:
        return ""
    kappa = "" if found.kappa is None else f", kappa {found.kappa:.2f}"
    return (
        f"people agree on {percent(found.same)} of what several of them judged "
        f"(n {count(found.records)}{kappa})"
    )


def _revealed(last: LastAnswer) -> str:
    question, reveal = last.question, last.reveal
    teacher = f"the teacher ({code(reveal.teacher_model, 80)})"
    candidate = code(reveal.candidate, 80)
    if question.a == question.b:
        who = f"Both {teacher} and {candidate} had answered {code(question.a, 200)}."
    else:
        names = [teacher, candidate] if reveal.a_is == "teacher" else [candidate, teacher]
        who = (
            f"A was {names[0]}: {code(question.a, 200)}. B was {names[1]}: {code(question.b, 200)}."
        )
    return f"*The last one:* you said that {_SAID[last.choice]}. {who}"


def _undo(last: LastAnswer) -> ActionsBlock:
    button = ButtonElement(
        text=PlainTextObject(text="Undo"),
        action_id=UNDO,
        value=str(last.question.row),
        accessibility_label="Take the last answer back",
    )
    return ActionsBlock(block_id="undo", elements=[button])


def _asked(question: Question) -> list[Block]:
    row = question.row
    more = [
        Option(value=f"{row}:{choice}", text=PlainTextObject(text=text)) for choice, text in _MORE
    ]
    return [
        section("*What was asked*", "asked"),
        quoted(question.text, TEXT_CHARACTERS, "text"),
        section("*A*", "name-a"),
        quoted(question.a, _LABEL_CHARACTERS, "a"),
        section("*B*", "name-b"),
        quoted(question.b, _LABEL_CHARACTERS, "b"),
        ActionsBlock(
            block_id="answer",
            elements=[
                _button("A", A, f"{row}:a", "A is right"),
                _button("B", B, f"{row}:b", "B is right"),
                _button("Neither", NEITHER, f"{row}:neither", "Neither is right"),
                OverflowMenuElement(action_id=MORE, options=more),
            ],
        ),
    ]


def _button(text: str, action_id: str, value: str, spoken: str) -> ButtonElement:
    return ButtonElement(
        text=PlainTextObject(text=text),
        action_id=action_id,
        value=value,
        accessibility_label=spoken,
    )


def _closing(standing: Standing) -> str:
    said = "You have judged every record of this evaluation set."
    if standing.audit is None:
        return said
    return f"{said}\n{code(standing.candidate, 80)} {mrkdwn(in_words(standing.audit), 1500)}."
