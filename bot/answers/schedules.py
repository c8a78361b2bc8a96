"""`schedule`: the list, a new one, and what is done with one."""

from slack_sdk.errors import SlackApiError

from bot.answers.asked import Asked
from bot.context import Bot
from bot.parsing.commands import ScheduleChangeCommand, ScheduleCommand, SchedulesCommand
from bot.views import schedules as views
from bot.views.message import Message
from flywheel.errors import UnavailableError
from flywheel.service import schedules as service


async def schedules(_bot: Bot, command: SchedulesCommand, asked: Asked) -> Message:
    """Every schedule, with buttons."""
    return views.schedule_list(await service.list_schedules(asked.backends, command.workload_id))


async def add(bot: Bot, command: ScheduleCommand, asked: Asked) -> None:
    """Make one whose runs appear in this channel, and say so there."""
    asked.not_again()
    view = await service.add_schedule(
        asked.backends, command.request, command.rule, asked.actor, asked.channel
    )
    try:
        await bot.messenger.post(asked.channel, views.made(view))
    except SlackApiError as error:
        raise UnavailableError(
            f"{view.id} is made, but I cannot post in this channel.",
            "Invite me with `/invite @flywheel`, so that its runs appear here; "
            f"`/flywheel schedule remove {view.id}` takes it back.",
        ) from error


async def change(_bot: Bot, command: ScheduleChangeCommand, asked: Asked) -> Message:
    """Pause, resume or remove one."""
    match command.change:
        case "pause":
            return views.paused(
                await service.pause_schedule(asked.backends, command.schedule, asked.actor)
            )
        case "resume":
            return views.resumed(
                await service.resume_schedule(asked.backends, command.schedule, asked.actor)
            )
        case "remove":
            return views.removed(
                await service.remove_schedule(asked.backends, command.schedule, asked.actor)
            )
