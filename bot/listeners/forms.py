"""The form of a run: opened, checked field by field while Slack waits, and carried out."""

import asyncio
from collections.abc import Mapping
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.models.views import View

from bot.context import Bot, person_in
from bot.errors import Reply, error_message, slack_code
from bot.inbox.delivery import Delivery
from bot.listeners.announcing import announced
from bot.listeners.modals import on_submit
from bot.parsing.filled_in import FormProblemsError, request_of
from bot.views import run_form
from bot.views.message import Message
from flywheel.errors import FlywheelError, NotFoundError
from flywheel.ports.backends import Backends
from flywheel.ports.logs import WorkloadSummary
from flywheel.service.logs import list_workloads
from flywheel.service.runs import start_run
from flywheel.views import RunRequest

_LOOK = 0.8  # seconds, of the three that Slack gives, to ask the log which workloads there are
_LATE = 15.0  # seconds that the log may take in all; then the workload is typed


def register(app: AsyncApp, bot: Bot) -> None:
    """Listen to the form."""

    def problems(view: Mapping[str, Any]) -> Mapping[str, str]:
        try:
            _request(bot, view)
        except FormProblemsError as error:
            return error.problems
        return {}

    on_submit(app, bot, run_form.RUN_VIEW, problems, _start, _reply)


async def open_run_form(bot: Bot, backends: Backends, trigger_id: str, channel: str) -> None:
    """Show it; without a channel it asks for one. Raises NotFoundError where the log is empty."""
    client = bot.messenger.client
    asked = asyncio.create_task(_form(backends, channel))
    try:
        await asyncio.wait({asked}, timeout=_LOOK)
        if asked.done():
            await client.views_open(trigger_id=trigger_id, view=asked.result())
            return
        opened = await client.views_open(trigger_id=trigger_id, view=run_form.waiting_for_log())
        try:
            view = await asked
        except FlywheelError as error:
            view = run_form.without_inputs(error_message(error).blocks)
        await client.views_update(view_id=opened["view"]["id"], view=view)
    except SlackApiError as error:
        if slack_code(error) != "not_found":  # else it was closed meanwhile
            raise
    finally:
        asked.cancel()


async def _form(backends: Backends, channel: str) -> View:
    """With the workloads of the log, if it answers."""
    summaries: list[WorkloadSummary] | None = None
    try:
        async with asyncio.timeout(_LATE):
            summaries = await list_workloads(backends)
    except TimeoutError:
        pass  # then it is typed
    if summaries == []:
        raise NotFoundError(
            "The log is empty.", "Import one with `flywheel logs import FILE` on the command line."
        )
    carried = run_form.RunFormContext(channel=channel)
    offered = backends.platform.candidates()
    return run_form.run_form(summaries, offered, backends.settings, carried)


def _request(bot: Bot, view: Mapping[str, Any]) -> RunRequest:
    offered = [candidate.name for candidate in bot.backends.platform.candidates()]
    return request_of(run_form.values(view), bot.backends.settings, offered)


def _channel(delivery: Delivery) -> str:
    """Where the card goes."""
    view = delivery.body["view"]
    carried = run_form.RunFormContext.model_validate_json(view["private_metadata"])
    chosen = run_form.values(view).get(run_form.CHANNEL)
    return carried.channel or (chosen if isinstance(chosen, str) else person_in(delivery.body)[0])


def _reply(bot: Bot, delivery: Delivery) -> Reply:
    async def whisper(sent: Message) -> None:
        await bot.messenger.whisper(_channel(delivery), person_in(delivery.body)[0], sent)

    return whisper


async def _start(bot: Bot, delivery: Delivery) -> None:
    view = delivery.body["view"]
    request = _request(bot, view)
    key = f"view:{view['id']}:{view.get('hash', '')}"  # a double click is one run
    actor, backends = await bot.viewer(*person_in(delivery.body))
    await announced(bot, await start_run(backends, request, actor, key=key), _channel(delivery))
