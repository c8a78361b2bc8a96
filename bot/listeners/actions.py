"""Buttons: cancel, retry, approve, reject, compare."""

from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.context import Bot, person_in
from bot.home_tab import publish
from bot.inbox.delivery import Delivery
from bot.inbox.inbox import Handler, delivery_in
from bot.listeners.announcing import announced
from bot.thread import decisions
from bot.views import decision
from bot.views.card import CANCEL, RETRY
from bot.views.comparison import COMPARE, comparison
from bot.views.message import message
from bot.views.results import APPROVE, REJECT, results
from flywheel.ports.backends import Backends
from flywheel.service.comparing import compare_runs
from flywheel.service.rights import require
from flywheel.service.runs import cancel_run, get_run, retry_run, run_events

Handle = Callable[[Bot, Delivery], Awaitable[None]]


def register(app: AsyncApp, bot: Bot) -> None:
    """Listen to the buttons."""
    on_action(app, bot, CANCEL, _cancel)
    on_action(app, bot, RETRY, _retry)
    on_action(app, bot, APPROVE, _open_modal)
    on_action(app, bot, REJECT, _open_modal)
    on_action(app, bot, COMPARE, _compare)


def on_action(
    app: AsyncApp, bot: Bot, action_id: str, handle: Handle, *, waits: bool = False
) -> None:
    """Listen to one button; `waits` as of `Handler`."""

    async def on_press(ack: AsyncAck, context: dict[str, Any]) -> None:
        await ack()
        bot.inbox.take(delivery_in(context))

    async def handled(delivery: Delivery) -> None:
        await handle(bot, delivery)

    bot.inbox.on(f"action:{action_id}", Handler("a button", handled, bot.answer_in, waits))
    app.action(action_id)(on_press)


async def _cancel(bot: Bot, delivery: Delivery) -> None:
    body = delivery.body
    run_id = body["actions"][0]["value"]
    actor, backends = await bot.viewer(*person_in(body))
    await cancel_run(backends, run_id, actor)
    bot.relay.nudge()
    await bot.messenger.respond(body["response_url"], message(f"{run_id} is being cancelled."))


async def _retry(bot: Bot, delivery: Delivery) -> None:
    body = delivery.body
    run_id = body["actions"][0]["value"]
    actor, backends = await bot.viewer(*person_in(body))
    view = await retry_run(backends, run_id, actor, delivery.key)
    await announced(bot, view, body["container"]["channel_id"])


async def _compare(bot: Bot, delivery: Delivery) -> None:
    _, backends = await bot.viewer(*person_in(delivery.body))
    found = await compare_runs(backends, delivery.body["actions"][0]["value"])
    await bot.messenger.respond(delivery.body["response_url"], comparison(found))


async def _open_modal(bot: Bot, delivery: Delivery) -> None:
    body = delivery.body
    action, container = body["actions"][0], body["container"]
    user, name = person_in(body)
    channel = container.get("channel_id", user)  # the Home tab is in no channel
    actor, backends = await bot.decider(user, name, channel)
    approving = action["action_id"] == APPROVE
    run_id, _, approval_id = action["value"].partition(":")
    view = await get_run(backends, run_id)
    await require(
        backends, actor, view.workload_id, "approve a promotion" if approving else "reject one"
    )
    carried = decision.DecisionContext(
        run_id=run_id,
        approval_id=approval_id,
        channel=channel,
        message_ts=container.get("message_ts", ""),
        response_url=body.get("response_url"),
        ephemeral=bool(container.get("is_ephemeral")),
        home=user if container.get("type") == "view" else "",
    )
    if view.approval_id != approval_id or not decision.passed(view):
        await _say_decided(bot, backends, carried)
        return
    modal = decision.approve_modal if approving else decision.reject_modal
    await bot.messenger.client.views_open(trigger_id=body["trigger_id"], view=modal(view, carried))


async def _say_decided(bot: Bot, backends: Backends, carried: decision.DecisionContext) -> None:
    """For a button that outlived the decision: say so, and take the button away."""
    told = decisions(await run_events(backends, carried.run_id))
    await refresh(bot, backends, carried)
    said = decision.already_decided(told[-1] if told else None)
    if carried.response_url is not None:
        await bot.messenger.respond(carried.response_url, said)
    else:
        await bot.messenger.post(carried.channel, said)


async def refresh(bot: Bot, backends: Backends, carried: decision.DecisionContext) -> None:
    """Show the present state in the message whose button was pressed, as its presser sees it."""
    bot.relay.nudge()
    if carried.home:
        await publish(bot, carried.home)
        return
    view = await get_run(backends, carried.run_id)
    shown = results(view, decisions(await run_events(backends, carried.run_id)))
    if carried.ephemeral:
        assert carried.response_url is not None
        await bot.messenger.respond(carried.response_url, shown, replace=True)
