"""What can be done with results besides deciding: judge, compare, ask."""

from slack_sdk.models.blocks import ActionsBlock, ButtonElement, PlainTextObject

from bot.views.asking import ASK
from bot.views.comparison import COMPARE
from bot.views.review import REVIEW
from flywheel.views import RunView


def followups(view: RunView) -> ActionsBlock:
    """The buttons that make sense for this run."""
    buttons = [_button("Ask", ASK, view.id)]
    if view.previous_run is not None:
        buttons.insert(0, _button("Compare with last run", COMPARE, view.id))
    if any(c.customized is not None and c.customized.accuracy is not None for c in view.nims):
        buttons.insert(0, _button("Review disagreements", REVIEW, view.id))
    return ActionsBlock(block_id="followups", elements=buttons)


def _button(text: str, action_id: str, value: str) -> ButtonElement:
    return ButtonElement(text=PlainTextObject(text=text), action_id=action_id, value=value)
