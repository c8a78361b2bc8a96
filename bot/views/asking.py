"""The modal in which people ask about a run, where typing a mention is more than they want."""

from pydantic import BaseModel
from slack_sdk.models.blocks import InputBlock, PlainTextInputElement, PlainTextObject
from slack_sdk.models.views import View

from bot.views.text import plain
from flywheel.views import RunView

ASK = "ask_about_run"
ASK_VIEW = "ask_view"
QUESTION = "question"
QUESTION_TEXT = 500


class AskContext(BaseModel):
    """What the modal carries along: the run, and where it was opened."""

    run_id: str
    channel: str


def ask_modal(view: RunView, carried: AskContext) -> View:
    """One field."""
    return View(
        type="modal",
        callback_id=ASK_VIEW,
        title=PlainTextObject(text=plain(f"Ask about {view.id}", 24)),
        submit=PlainTextObject(text="Ask"),
        close=PlainTextObject(text="Cancel"),
        private_metadata=carried.model_dump_json(),
        blocks=[
            InputBlock(
                block_id=QUESTION,
                label=PlainTextObject(text="Your question"),
                element=PlainTextInputElement(
                    action_id=QUESTION,
                    multiline=True,
                    max_length=QUESTION_TEXT,
                    placeholder=PlainTextObject(
                        text=plain(f"How much does {view.id} save, and which classes suffer?", 150)
                    ),
                ),
            )
        ],
    )


def question_problem(question: str) -> str | None:
    """What is wrong with a question, or None."""
    return None if question.strip() else "Write what you want to know."
