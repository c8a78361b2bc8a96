"""`promote` and `rollback`: answered to the whole channel."""

from bot.answers.asked import Asked
from bot.context import Bot
from bot.parsing.commands import PromoteCommand, RollbackCommand
from bot.views import decision
from bot.views.message import Message
from flywheel.service import promotions


async def promote(bot: Bot, command: PromoteCommand, asked: Asked) -> None:
    """Let a model take over, or be one of those who say so."""
    actor = await bot.people.decider(asked.actor, asked.channel)
    said = await promotions.promote(
        asked.backends, command.run, command.model, actor, command.reason
    )
    await _tell_all(bot, asked, decision.approved(said, command.model, actor.id))


async def rollback(bot: Bot, command: RollbackCommand, asked: Asked) -> None:
    """Bring back what served before."""
    asked.not_again()  # two of them would go back twice
    actor = await bot.people.decider(asked.actor, asked.channel)
    workload, reason = command.workload_id, command.reason
    serves = await promotions.rollback(asked.backends, workload, actor, reason)
    await _tell_all(bot, asked, decision.rolled_back(workload, serves, actor.id, reason))


async def _tell_all(bot: Bot, asked: Asked, shown: Message) -> None:
    bot.relay.nudge()
    await bot.messenger.respond(asked.response_url, shown, public=True)
