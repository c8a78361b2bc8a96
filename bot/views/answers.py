"""Answers to questions in plain words: what they rest on, and what people may say of them."""

from pydantic import BaseModel
from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    InputBlock,
    PlainTextInputElement,
    PlainTextObject,
)
from slack_sdk.models.views import View

from bot.parsing.usage import in_slack
from bot.views.message import Message, context, message, section
from bot.views.text import code, lines_that_fit, mrkdwn, person, plain
from flywheel.service.asked import Verdict
from flywheel.views import Answer

RIGHT, WRONG = "answer_right", "answer_wrong"
STOP = "answer_stop"
MOST_CHOICES = 5
CHOICES = tuple(f"answer_choice_{number}" for number in range(MOST_CHOICES))
WRONG_VIEW = "answer_wrong_view"
NOTE = "note"
NOTE_TEXT = 1000


class WrongContext(BaseModel):
    """What the modal carries along: the question, and where its answer is."""

    question_id: str
    channel: str
    thread: str | None


def answer(
    reply: Answer, block_id: str | None = None, asked: tuple[str, str] | None = None
) -> Message:
    """An answer with where it comes from. Its text has '*bold*' as only mark-up.

    `block_id` marks the message, so that it is found again. `asked` is who has asked what, where
    the question itself is not to be seen.
    """
    text = mrkdwn(reply.text, 2900)
    blocks: list[Block] = [section(text, block_id)]
    if asked is not None:
        blocks.insert(0, context(f"{person(asked[0])} asked: {mrkdwn(asked[1], 600)}", "asked"))
    choices = reply.choices[:MOST_CHOICES]
    if choices and reply.id is not None:
        blocks.append(_choices(choices, reply.id))
    elif choices:
        blocks.append(section("\n".join(f"• {mrkdwn(choice, 200)}" for choice in choices)))
    if reply.evidence:
        numbers = lines_that_fit([mrkdwn(one, 150) for one in reply.evidence], 900, "more")
        blocks.append(context(f"Numbers: {numbers}".replace("\n", "; ")))
    if reply.sources:
        sources = lines_that_fit([code(in_slack(source)) for source in reply.sources], 1500, "more")
        blocks.append(context(f"See {sources}".replace("\n", ", ")))
    if reply.id is not None:
        blocks.append(_feedback(reply.id))
    return message(text, blocks)


def _choices(choices: list[str], question_id: str) -> ActionsBlock:
    buttons = [
        ButtonElement(
            text=PlainTextObject(text=plain(choice, 75), emoji=False),
            action_id=action_id,
            value=question_id,
        )
        for action_id, choice in zip(CHOICES, choices, strict=False)
    ]
    return ActionsBlock(block_id="choices", elements=buttons)


def _feedback(question_id: str) -> ActionsBlock:
    """In words: neither colour nor emoji says it alone."""
    return ActionsBlock(
        block_id="feedback",
        elements=[
            ButtonElement(text=PlainTextObject(text=text), action_id=action_id, value=question_id)
            for text, action_id in (("Right", RIGHT), ("Wrong", WRONG))
        ],
    )


def waiting(words: str, mark: str) -> Message:
    """What is being looked at, with a way to do without it."""
    stop = ButtonElement(
        text=PlainTextObject(text="Answer without the language model"), action_id=STOP, value=mark
    )
    return message(
        f"{words} …",
        [
            section(f"{words} …", f"waiting:{mark}"),
            ActionsBlock(block_id="stop", elements=[stop]),
        ],
    )


def moved() -> Message:
    """Of an answer that not everybody here may read."""
    return message("The answer is for whoever asked alone.")


def thanks(verdict: Verdict, before: str | None) -> Message:
    """That it is noted, also in place of what the person has said before."""
    if before is not None and before != verdict:
        return message(f"Thank you. You now say that this answer is {verdict}, not {before}.")
    return message(f"Thank you. You say that this answer is {verdict}.")


def noted() -> Message:
    """That what somebody has written is kept."""
    return message("Thank you, your note is kept with the answer.")


def chosen_already() -> Message:
    """For the second press on the answers to one question."""
    return message("Somebody has chosen here already. Ask in your own words, if you want another.")


def wrong_modal(carried: WrongContext) -> View:
    """One field, which may stay empty."""
    return View(
        type="modal",
        callback_id=WRONG_VIEW,
        title=PlainTextObject(text="What is wrong?"),
        submit=PlainTextObject(text="Send"),
        close=PlainTextObject(text="Leave it"),
        private_metadata=carried.model_dump_json(),
        blocks=[
            InputBlock(
                block_id=NOTE,
                label=PlainTextObject(text="What is wrong with the answer?"),
                optional=True,
                element=PlainTextInputElement(action_id=NOTE, multiline=True, max_length=NOTE_TEXT),
            )
        ],
    )
