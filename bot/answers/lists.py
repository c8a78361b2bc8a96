"""`workloads` and `help`."""

from bot.answers.asked import Asked
from bot.context import Bot
from bot.parsing.commands import HelpCommand, WorkloadsCommand
from bot.views import lists
from bot.views.message import Message
from flywheel.service.logs import list_workloads
from flywheel.service.promotions import incumbents


async def workloads(_bot: Bot, _command: WorkloadsCommand, asked: Asked) -> Message:
    """What the log holds."""
    serving = {p.workload_id: p.model_name for p in await incumbents(asked.backends)}
    return lists.workloads(await list_workloads(asked.backends), serving)


async def help_text(_bot: Bot, _command: HelpCommand, _asked: Asked) -> Message:
    """Every command."""
    return lists.help_text()
