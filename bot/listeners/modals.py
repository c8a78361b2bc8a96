"""Submitted modals: checked once more, then decided."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.context import Bot, person_in
from bot.errors import Reply
from bot.inbox.delivery import Delivery
from bot.inbox.inbox import Handler, delivery_in
from bot.listeners.actions import refresh
from bot.views import decision
from bot.views.message import Message
from flywheel.errors import FlywheelError
from flywheel.service.approvals import decide_approval

View = Mapping[str, Any]
Problems = Callable[[View], Mapping[str, str]]  # by block id


def register(app: AsyncApp, bot: Bot) -> None:
    """Listen to the modals in which people decide."""
    for view_id in (decision.APPROVE_VIEW, decision.REJECT_VIEW):
        on_submit(app, bot, view_id, _reason_problems, _decide, _reply)


def on_submit(
    app: AsyncApp,
    bot: Bot,
    view_id: str,
    problems: Problems,
    handle: Callable[[Bot, Delivery], Awaitable[None]],
    reply: Callable[[Bot, Delivery], Reply],
    *,
    waits: bool = False,
) -> None:
    """Listen to one modal. `problems` asks nobody: Slack waits for them, in the modal.

    `waits` as of `Handler`.
    """

    async def on_view(ack: AsyncAck, view: dict[str, Any], context: dict[str, Any]) -> None:
        delivery = delivery_in(context)
        if found := problems(view):
            bot.inbox.dismiss(delivery)
            await ack(response_action="errors", errors=dict(found))
            return
        await ack()
        bot.inbox.take(delivery)

    async def handled(delivery: Delivery) -> None:
        await handle(bot, delivery)

    handler = Handler("a modal", handled, lambda delivery: reply(bot, delivery), waits)
    bot.inbox.on(f"view:{view_id}", handler)
    app.view(view_id)(on_view)


def _reason(view: View) -> str:
    return view["state"]["values"][decision.REASON][decision.REASON]["value"] or ""


def _reason_problems(view: View) -> Mapping[str, str]:
    problem = decision.reason_problem(_reason(view))
    return {} if problem is None else {decision.REASON: problem}


def _carried(delivery: Delivery) -> decision.DecisionContext:
    metadata = delivery.body["view"]["private_metadata"]
    return decision.DecisionContext.model_validate_json(metadata)


def _reply(bot: Bot, delivery: Delivery) -> Reply:
    user, _ = person_in(delivery.body)

    async def whisper(sent: Message) -> None:
        await bot.messenger.whisper(_carried(delivery).channel, user, sent)

    return whisper


async def _decide(bot: Bot, delivery: Delivery) -> None:
    carried, view = _carried(delivery), delivery.body["view"]
    model = None
    if view["callback_id"] == decision.APPROVE_VIEW:
        chosen = view["state"]["values"][decision.MODEL][decision.MODEL]
        model = chosen["selected_option"]["value"]
    reason = _reason(view).strip()
    actor, backends = await bot.decider(*person_in(delivery.body), carried.channel)
    try:
        await decide_approval(
            backends, carried.approval_id, model is not None, actor, reason, model
        )
    except FlywheelError:
        await refresh(bot, backends, carried)
        raise
    await refresh(bot, backends, carried)
