"""`/flywheel …`: acknowledged at once, done afterwards."""

from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.answers import comparing, decisions, lists, policy, review, runs, schedules
from bot.answers.asked import Answer, asked_in
from bot.context import Bot
from bot.inbox.delivery import Delivery
from bot.inbox.inbox import Handler, delivery_in
from bot.parsing import commands
from bot.parsing.parse import parse
from bot.views.text import unescape

ANSWERS: dict[type[commands.Command], Answer] = {
    commands.RunCommand: runs.run,
    commands.StatusCommand: runs.status,
    commands.RunsCommand: runs.runs,
    commands.ResultsCommand: runs.results_of,
    commands.ShowCommand: runs.show,
    commands.ReviewCommand: review.review,
    commands.CompareCommand: comparing.compare,
    commands.CancelCommand: runs.cancel,
    commands.PromoteCommand: decisions.promote,
    commands.RollbackCommand: decisions.rollback,
    commands.SchedulesCommand: schedules.schedules,
    commands.ScheduleCommand: schedules.add,
    commands.ScheduleChangeCommand: schedules.change,
    commands.PolicyCommand: policy.policy,
    commands.WorkloadsCommand: lists.workloads,
    commands.HelpCommand: lists.help_text,
}


def register(app: AsyncApp, bot: Bot) -> None:
    """Listen to the slash command."""

    async def on_command(ack: AsyncAck, context: dict[str, Any]) -> None:
        await ack()
        bot.inbox.take(delivery_in(context))

    async def handle(delivery: Delivery) -> None:
        asked = await asked_in(bot, delivery)
        command = parse(unescape(asked.text))
        answer = await ANSWERS[type(command)](bot, command, asked)
        if answer is not None:
            await bot.messenger.respond(asked.response_url, answer)

    bot.inbox.on("command", Handler("a command", handle, bot.answer_in))
    app.command("/flywheel")(on_command)
