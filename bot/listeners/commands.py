"""`/flywheel …`: acknowledged at once, done afterwards."""

from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.context import Bot, person_in
from bot.errors import guarded
from bot.listeners.announcing import announced
from bot.parse import (
    CancelCommand,
    Command,
    PromoteCommand,
    ResultsCommand,
    RollbackCommand,
    RunCommand,
    RunsCommand,
    ShowCommand,
    StatusCommand,
    WorkloadsCommand,
    parse,
)
from bot.relay import decisions
from bot.views import decision, lists
from bot.views.card import card
from bot.views.message import Message, message
from bot.views.results import results
from bot.views.text import unescape
from flywheel.clock import utc_now
from flywheel.errors import ConflictError
from flywheel.service.logs import list_workloads
from flywheel.service.promotions import incumbents, promote, rollback
from flywheel.service.runs import cancel_run, get_run, list_runs, run_events, start_run
from flywheel.views import Actor, RunRequest


def register(app: AsyncApp, bot: Bot) -> None:
    """Listen to the slash command."""

    async def on_command(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        reply = bot.answer(body["response_url"])
        bot.background.start(guarded(_handle(bot, body), reply, "a command"), "command")

    app.command("/flywheel")(on_command)


async def _handle(bot: Bot, body: dict[str, Any]) -> None:
    actor = bot.actor(*person_in(body))
    command = parse(unescape(body.get("text", "")))
    match command:
        case RunCommand(request):
            await _run(bot, request, actor, body["channel_id"])
        case PromoteCommand() | RollbackCommand():
            actor = await bot.decider(*person_in(body), body["channel_id"])
            await _decide(bot, command, actor, body["response_url"])
        case _:
            shown = await _show(bot, command, actor)
            await bot.messenger.respond(body["response_url"], shown)


async def _run(bot: Bot, request: RunRequest, actor: Actor, channel: str) -> None:
    await announced(bot, await start_run(bot.backends, request, actor), channel)


async def _decide(
    bot: Bot, command: PromoteCommand | RollbackCommand, actor: Actor, response_url: str
) -> None:
    if isinstance(command, PromoteCommand):
        said = await promote(bot.backends, command.run, command.model, actor, command.reason)
        shown = decision.approved(said, command.model, actor.id)
    else:
        workload, reason = command.workload_id, command.reason
        serves = await rollback(bot.backends, workload, actor, reason)
        shown = decision.rolled_back(workload, serves, actor.id, reason)
    bot.relay.nudge()
    await bot.messenger.respond(response_url, shown, public=True)


async def _show(bot: Bot, command: Command, actor: Actor) -> Message:
    """The answers that only the person who asked sees."""
    match command:
        case StatusCommand() | ResultsCommand() | ShowCommand():
            return await _show_run(bot, command)
        case RunsCommand(workload_id):
            return lists.runs(await list_runs(bot.backends, workload_id), utc_now())
        case CancelCommand(run):
            view = await cancel_run(bot.backends, run, actor)
            bot.relay.nudge()
            return message(f"{view.id} is being cancelled.")
        case WorkloadsCommand():
            serving = {p.workload_id: p.model_name for p in await incumbents(bot.backends)}
            return lists.workloads(await list_workloads(bot.backends), serving)
        case _:
            return lists.help_text()


async def _show_run(bot: Bot, command: StatusCommand | ResultsCommand | ShowCommand) -> Message:
    view = await get_run(bot.backends, command.run)
    if isinstance(command, ResultsCommand) and view.status in {"pending", "running", "cancelling"}:
        raise ConflictError(
            f"{view.id} is {view.status}; it has no results yet.",
            f"`/flywheel status {view.id}` shows how far it is.",
        )
    if isinstance(command, StatusCommand) or view.status != "completed":
        return card(view, utc_now())
    return results(view, decisions(await run_events(bot.backends, view.id)))
