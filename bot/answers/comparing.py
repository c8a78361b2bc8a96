"""`compare`: two runs of a workload side by side."""

from bot.answers.asked import Asked
from bot.context import Bot
from bot.parsing.commands import CompareCommand
from bot.views.comparison import comparison
from bot.views.message import Message
from flywheel.service.comparing import compare_runs


async def compare(_bot: Bot, command: CompareCommand, asked: Asked) -> Message:
    """The two runs; by default the last completed one and the one before."""
    return comparison(await compare_runs(asked.backends, command.run, command.other))
