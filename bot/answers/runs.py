"""`run`, `status`, `runs`, `results`, `show`, `cancel`."""

from bot.answers.asked import Asked
from bot.context import Bot
from bot.listeners.announcing import announced
from bot.listeners.forms import open_run_form
from bot.parsing.commands import (
    CancelCommand,
    ResultsCommand,
    RunCommand,
    RunsCommand,
    ShowCommand,
    StatusCommand,
)
from bot.thread import decisions
from bot.views import lists
from bot.views.card import card
from bot.views.message import Message, message
from bot.views.results import results
from flywheel.clock import utc_now
from flywheel.errors import ConflictError
from flywheel.service.runs import cancel_run, get_run, list_runs, run_events, start_run

_ACTIVE = frozenset({"pending", "running", "cancelling"})


async def run(bot: Bot, command: RunCommand, asked: Asked) -> None:
    """Start a run and show its card in the channel; without a request open the form."""
    if command.request is None:
        await open_run_form(bot, asked.backends, asked.trigger_id, asked.channel)
        return
    view = await start_run(asked.backends, command.request, asked.actor, key=asked.key)
    await announced(bot, view, asked.channel)


async def status(_bot: Bot, command: StatusCommand, asked: Asked) -> Message:
    """How a run stands."""
    return card(await get_run(asked.backends, command.run), utc_now())


async def results_of(bot: Bot, command: ResultsCommand, asked: Asked) -> Message:
    """What a run found."""
    view = await get_run(asked.backends, command.run)
    if view.status in _ACTIVE:
        raise ConflictError(
            f"{view.id} is {view.status}; it has no results yet.",
            f"`/flywheel status {view.id}` shows how far it is.",
        )
    return await show(bot, ShowCommand(view.id), asked)


async def show(_bot: Bot, command: ShowCommand, asked: Asked) -> Message:
    """Results where there are some, else how it stands."""
    view = await get_run(asked.backends, command.run)
    if view.status != "completed":
        return card(view, utc_now())
    return results(view, decisions(await run_events(asked.backends, view.id)))


async def runs(_bot: Bot, command: RunsCommand, asked: Asked) -> Message:
    """The newest runs."""
    return lists.runs(await list_runs(asked.backends, command.workload_id), utc_now())


async def cancel(bot: Bot, command: CancelCommand, asked: Asked) -> Message:
    """Stop a run."""
    view = await cancel_run(asked.backends, command.run, asked.actor)
    bot.relay.nudge()
    return message(f"{view.id} is being cancelled.")
