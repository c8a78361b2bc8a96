"""Mentions and direct messages: questions in plain words, answered in the thread."""

import re
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.context import Bot
from bot.errors import guarded
from bot.relay import ref
from bot.views.lists import answer, help_text
from bot.views.message import Message
from bot.views.text import unescape
from flywheel.service.questions import ask

_MENTION = re.compile(r"<@[UW][A-Z0-9]+(?:\|[^>]*)?>")


def register(app: AsyncApp, bot: Bot) -> None:
    """Listen to mentions anywhere and to everything written to the app directly."""

    async def on_mention(event: dict[str, Any]) -> None:
        _answer_later(bot, event)

    async def on_message(event: dict[str, Any]) -> None:
        if event.get("channel_type") == "im":
            _answer_later(bot, event)

    app.event("app_mention")(on_mention)
    app.event("message")(on_message)


def _answer_later(bot: Bot, event: dict[str, Any]) -> None:
    """Answer what a person wrote; edits, joins and other apps are none of our business."""
    if event.get("subtype") or event.get("bot_id") or not event.get("user"):
        return
    thread = event.get("thread_ts") or event["ts"]

    async def reply(sent: Message) -> None:
        await bot.messenger.post(event["channel"], sent, thread)

    question = unescape(_MENTION.sub(" ", event.get("text", ""))).strip()
    work = _answer(bot, question, event["channel"], thread)
    bot.background.start(guarded(work, reply, "a question"), "question")


async def _answer(bot: Bot, question: str, channel: str, thread: str) -> None:
    if not question:
        await bot.messenger.post(channel, help_text(), thread)
        return
    row = await bot.relay.store.card_at(channel, thread)
    reply = await ask(bot.backends, question, ref(row) if row is not None else None)
    await bot.messenger.post(channel, answer(reply), thread)
