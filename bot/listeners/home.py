"""The Home tab: drawn anew each time that somebody opens it."""

from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.context import Bot, person_in
from bot.errors import Reply
from bot.home_tab import publish
from bot.inbox.delivery import Delivery
from bot.inbox.inbox import Handler, delivery_in
from bot.listeners.actions import on_action
from bot.listeners.forms import open_run_form
from bot.views.home import REFRESH, START
from bot.views.message import Message


def register(app: AsyncApp, bot: Bot) -> None:
    """Listen to the tab and to its own buttons."""

    async def on_opened(event: dict[str, Any], context: dict[str, Any]) -> None:
        delivery = delivery_in(context)
        if event.get("tab") == "home":
            bot.inbox.take(delivery)
        else:
            bot.inbox.dismiss(delivery)

    async def handle(delivery: Delivery) -> None:
        await publish(bot, delivery.body["event"]["user"])

    def reply(delivery: Delivery) -> Reply:
        async def post(sent: Message) -> None:
            await bot.messenger.post(delivery.body["event"]["user"], sent)

        return post

    bot.inbox.on("event:app_home_opened", Handler("the Home tab", handle, reply))
    app.event("app_home_opened")(on_opened)
    on_action(app, bot, START, _start)
    on_action(app, bot, REFRESH, _refresh)


async def _start(bot: Bot, delivery: Delivery) -> None:
    _, backends = await bot.viewer(*person_in(delivery.body))
    await open_run_form(bot, backends, delivery.body["trigger_id"], "")


async def _refresh(bot: Bot, delivery: Delivery) -> None:
    await publish(bot, person_in(delivery.body)[0])
