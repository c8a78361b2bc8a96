"""`policy`."""

from bot.answers.asked import Asked
from bot.context import Bot
from bot.parsing.commands import PolicyCommand
from bot.views import policy as views
from bot.views.message import Message
from flywheel.service.policies import policy_for


async def policy(_bot: Bot, command: PolicyCommand, asked: Asked) -> Message:
    """What the policy in force asks for, and who decides under it."""
    return views.policy(await policy_for(asked.backends, command.workload_id))
