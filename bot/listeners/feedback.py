"""The buttons of an answer: right, wrong, the answers to a question back, and to wait no more."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.context import Bot, person_in, team_of
from bot.conversation import Asking, answer_in_place
from bot.errors import Reply
from bot.inbox.delivery import Delivery
from bot.listeners.actions import on_action
from bot.listeners.modals import on_submit
from bot.views import answers as views
from bot.views.message import Message, message
from flywheel.service import asked


def register(app: AsyncApp, bot: Bot) -> None:
    """Listen to them, and to the modal that asks what is wrong."""
    on_action(app, bot, views.RIGHT, _right)
    on_action(app, bot, views.WRONG, _wrong)
    on_submit(app, bot, views.WRONG_VIEW, _no_problems, _noted, _reply)
    on_action(app, bot, views.STOP, _stop)
    for number, action_id in enumerate(views.CHOICES):
        on_action(app, bot, action_id, partial(_choose, number), waits=bot.has_model)


async def _stop(bot: Bot, delivery: Delivery) -> None:
    user, _ = person_in(delivery.body)
    problem = bot.stoppable.stop(_id(delivery), user)
    if problem is not None:
        channel, thread = _where(delivery)
        await bot.messenger.whisper(channel, user, message(problem), thread)


async def _right(bot: Bot, delivery: Delivery) -> None:
    before = await _said(bot, delivery, "right")
    await _thank(bot, delivery, views.thanks("right", before))


async def _wrong(bot: Bot, delivery: Delivery) -> None:
    """Kept at once: whoever closes the modal has said it all the same."""
    before = await _said(bot, delivery, "wrong")
    channel, thread = _where(delivery)
    carried = views.WrongContext(question_id=_id(delivery), channel=channel, thread=thread)
    try:
        await bot.messenger.client.views_open(
            trigger_id=delivery.body["trigger_id"], view=views.wrong_modal(carried)
        )
    finally:
        await _thank(bot, delivery, views.thanks("wrong", before))


async def _said(bot: Bot, delivery: Delivery, verdict: asked.Verdict) -> str | None:
    """Keep it; what they have said before."""
    actor = bot.actor(*person_in(delivery.body))
    return await asked.say(bot.backends, _id(delivery), verdict, actor)


async def _thank(bot: Bot, delivery: Delivery, thanks: Message) -> None:
    channel, thread = _where(delivery)
    await bot.messenger.whisper(channel, person_in(delivery.body)[0], thanks, thread)


def _no_problems(_view: Mapping[str, Any]) -> Mapping[str, str]:
    return {}


def _carried(delivery: Delivery) -> views.WrongContext:
    metadata = delivery.body["view"]["private_metadata"]
    return views.WrongContext.model_validate_json(metadata)


def _reply(bot: Bot, delivery: Delivery) -> Reply:
    carried, (user, _) = _carried(delivery), person_in(delivery.body)

    async def whisper(sent: Message) -> None:
        await bot.messenger.whisper(carried.channel, user, sent, carried.thread)

    return whisper


async def _noted(bot: Bot, delivery: Delivery) -> None:
    note = delivery.body["view"]["state"]["values"][views.NOTE][views.NOTE]["value"] or ""
    if note.strip():
        actor, question_id = bot.actor(*person_in(delivery.body)), _carried(delivery).question_id
        await asked.say(bot.backends, question_id, "wrong", actor, note.strip())
        await _reply(bot, delivery)(views.noted())


async def _choose(number: int, bot: Bot, delivery: Delivery) -> None:
    """Ask what the button offers, as whoever presses it; a second press asks nothing."""
    (user, name), question_id = person_in(delivery.body), _id(delivery)
    channel, thread = _where(delivery)
    actor = bot.actor(user, name)
    chosen = await asked.choose(bot.backends, question_id, number, actor, again=delivery.again)
    if chosen is None:
        await bot.messenger.whisper(channel, user, views.chosen_already(), thread)
        return
    mark = f"choice:{question_id}"
    if delivery.again and thread and await bot.messenger.marked(channel, thread, mark):
        return
    alone = delivery.body["container"].get("is_ephemeral")
    asking = Asking(
        user=user,
        name=name,
        team=team_of(delivery.body),
        channel=channel,
        thread=None if alone else thread,
        question=chosen.question,
        mark=mark,
        shown=False,
    )
    await answer_in_place(bot, asking, chosen.focus_run)


def _id(delivery: Delivery) -> str:
    return str(delivery.body["actions"][0]["value"])


def _where(delivery: Delivery) -> tuple[str, str | None]:
    """Channel and thread of the answer; an answer to somebody alone may be in none."""
    container = delivery.body["container"]
    thread = container.get("thread_ts")
    if thread is None and not container.get("is_ephemeral"):
        thread = container["message_ts"]
    return container["channel_id"], thread
