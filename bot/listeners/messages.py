"""Mentions and direct messages: questions in plain words, answered in the thread."""

import re
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.context import Bot, team_of
from bot.conversation import Asking, answer_in_place
from bot.errors import Reply
from bot.inbox.delivery import Delivery
from bot.inbox.inbox import Handler, delivery_in
from bot.views.lists import help_text
from bot.views.message import Message
from bot.views.text import unescape

_MENTION = re.compile(r"<@[UW][A-Z0-9]+(?:\|[^>]*)?>")


def register(app: AsyncApp, bot: Bot) -> None:
    """Listen to mentions anywhere and to everything written to the app directly."""

    async def on_mention(event: dict[str, Any], context: dict[str, Any]) -> None:
        _take(event, delivery_in(context), wanted=True)

    async def on_message(event: dict[str, Any], context: dict[str, Any]) -> None:
        _take(event, delivery_in(context), wanted=event.get("channel_type") == "im")

    def _take(event: dict[str, Any], delivery: Delivery, *, wanted: bool) -> None:
        """Edits, joins and other apps are none of our business."""
        if wanted and not event.get("subtype") and not event.get("bot_id") and event.get("user"):
            bot.inbox.take(delivery)
        else:
            bot.inbox.dismiss(delivery)

    async def handle(delivery: Delivery) -> None:
        await _answer(bot, delivery)

    def reply(delivery: Delivery) -> Reply:
        channel, thread = _place(delivery)

        async def post(sent: Message) -> None:
            await bot.messenger.post(channel, sent, thread)

        return post

    handler = Handler("a question", handle, reply, waits=bot.has_model)
    bot.inbox.on("event:app_mention", handler)
    bot.inbox.on("event:message", handler)
    app.event("app_mention")(on_mention)
    app.event("message")(on_message)


def _place(delivery: Delivery) -> tuple[str, str]:
    """Channel and thread."""
    event = delivery.body["event"]
    return event["channel"], event.get("thread_ts") or event["ts"]


async def _answer(bot: Bot, delivery: Delivery) -> None:
    channel, thread = _place(delivery)
    marked = f"answer:{delivery.reference}"
    # The answer may be there, and only its note in the database missing.
    if delivery.again and await bot.messenger.marked(channel, thread, marked):
        return
    text = delivery.body["event"].get("text", "")
    question = unescape(_MENTION.sub(" ", text)).strip()
    if not question:
        await bot.messenger.post_once(channel, help_text(marked), thread, marked)
        return
    asking = Asking(
        user=delivery.body["event"]["user"],
        name="",
        team=team_of(delivery.body),
        channel=channel,
        thread=thread,
        question=question,
        mark=marked,
        shown=True,
        again=delivery.again,
    )
    await answer_in_place(bot, asking)
