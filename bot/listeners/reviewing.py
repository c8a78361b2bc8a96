"""The modal of a review: opened, and after every press redrawn from what is stored."""

import logging

from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError

from bot.context import Bot, Viewer, person_in
from bot.errors import slack_code
from bot.inbox.delivery import Delivery
from bot.listeners.actions import on_action
from bot.views import review as views
from flywheel.service import review

log = logging.getLogger(__name__)

# Another press has redrawn it, or it is closed: what was said is stored either way.
_REDRAWN = frozenset({"hash_conflict", "not_found", "view_not_found"})


def register(app: AsyncApp, bot: Bot) -> None:
    """Listen to the button that opens it, and to its own."""
    on_action(app, bot, views.REVIEW, _open)
    for action_id in (views.A, views.B, views.NEITHER, views.MORE):
        on_action(app, bot, action_id, _answer)
    on_action(app, bot, views.UNDO, _undo)


async def open_review(
    bot: Bot, viewer: Viewer, trigger_id: str, run: str, model: str | None
) -> None:
    """Show the next record. Raises NotFoundError, ConflictError, DataError."""
    standing = await review.standing(viewer.backends, run, model, viewer.actor)
    await bot.messenger.client.views_open(trigger_id=trigger_id, view=views.review_modal(standing))


async def _open(bot: Bot, delivery: Delivery) -> None:
    body = delivery.body
    viewer = await bot.viewer(*person_in(body))
    await open_review(bot, viewer, body["trigger_id"], body["actions"][0]["value"], None)


async def _answer(bot: Bot, delivery: Delivery) -> None:
    carried, viewer = _carried(delivery), await bot.viewer(*person_in(delivery.body))
    row, choice = views.picked(delivery.body["actions"][0])
    try:
        await review.answer(
            viewer.backends,
            carried.run_id,
            carried.candidate,
            row,
            choice,
            viewer.actor,
            once=True,
        )
    except review.JudgedError:
        log.info("a second press on record %d of %s was ignored", row, carried.run_id)
    await _redraw(bot, delivery, viewer)


async def _undo(bot: Bot, delivery: Delivery) -> None:
    carried, viewer = _carried(delivery), await bot.viewer(*person_in(delivery.body))
    row = int(delivery.body["actions"][0]["value"])
    await review.withdraw(viewer.backends, carried.run_id, carried.candidate, row, viewer.actor)
    await _redraw(bot, delivery, viewer)


async def _redraw(bot: Bot, delivery: Delivery, viewer: Viewer) -> None:
    """Show what is stored now: whichever of two presses comes last shows the same."""
    carried, shown = _carried(delivery), delivery.body["view"]
    standing = await review.standing(
        viewer.backends, carried.run_id, carried.candidate, viewer.actor
    )
    try:
        await bot.messenger.client.views_update(
            view_id=shown["id"], hash=shown["hash"], view=views.review_modal(standing)
        )
    except SlackApiError as error:
        if slack_code(error) not in _REDRAWN:
            raise
        log.info("the modal of %s was redrawn or closed meanwhile", carried.run_id)
    bot.relay.nudge()


def _carried(delivery: Delivery) -> views.ReviewContext:
    return views.ReviewContext.model_validate_json(delivery.body["view"]["private_metadata"])
