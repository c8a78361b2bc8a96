"""The buttons of the list of schedules: what they do shows in the list."""

from collections.abc import Awaitable, Callable

from slack_bolt.async_app import AsyncApp

from bot.context import Bot, person_in
from bot.inbox.delivery import Delivery
from bot.listeners.actions import on_action
from bot.views.schedules import PAUSE, REMOVE, RESUME, schedule_list
from flywheel.ports.backends import Backends
from flywheel.service import schedules as service
from flywheel.views import Actor, ScheduleView

Change = Callable[[Backends, str, Actor], Awaitable[ScheduleView]]


def register(app: AsyncApp, bot: Bot) -> None:
    """Listen to the buttons."""
    _on(app, bot, PAUSE, service.pause_schedule)
    _on(app, bot, RESUME, service.resume_schedule)
    _on(app, bot, REMOVE, service.remove_schedule)


def _on(app: AsyncApp, bot: Bot, action_id: str, change: Change) -> None:
    async def handle(bot: Bot, delivery: Delivery) -> None:
        body = delivery.body
        actor, backends = await bot.viewer(*person_in(body))
        try:
            await change(backends, body["actions"][0]["value"], actor)
        finally:  # a list that is out of date is put right as well
            listed = schedule_list(await service.list_schedules(backends))
            await bot.messenger.respond(body["response_url"], listed, replace=True)

    on_action(app, bot, action_id, handle)
