"""Submitted modals: checked once more, then decided."""

from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.context import Bot, person_in
from bot.errors import guarded
from bot.listeners.actions import refresh
from bot.views import decision
from bot.views.message import Message
from flywheel.errors import FlywheelError
from flywheel.service.approvals import decide_approval
from flywheel.views import Actor


def register(app: AsyncApp, bot: Bot) -> None:
    """Listen to both modals."""

    async def on_submit(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        values = view["state"]["values"]
        reason = values[decision.REASON][decision.REASON]["value"] or ""
        problem = decision.reason_problem(reason)
        if problem is not None:
            await ack(response_action="errors", errors={decision.REASON: problem})
            return
        await ack()
        carried = decision.DecisionContext.model_validate_json(view["private_metadata"])
        actor = bot.actor(*person_in(body))

        async def whisper(sent: Message) -> None:
            await bot.messenger.whisper(carried.channel, actor.id, sent)

        model = None
        if view["callback_id"] == decision.APPROVE_VIEW:
            model = values[decision.MODEL][decision.MODEL]["selected_option"]["value"]
        work = _decide(bot, carried, actor, reason.strip(), model)
        bot.background.start(guarded(work, whisper, "a decision"), "decision")

    app.view(decision.APPROVE_VIEW)(on_submit)
    app.view(decision.REJECT_VIEW)(on_submit)


async def _decide(
    bot: Bot, carried: decision.DecisionContext, actor: Actor, reason: str, model: str | None
) -> None:
    approving = model is not None
    try:
        actor = await bot.people.decider(actor, carried.channel)
        await decide_approval(bot.backends, carried.approval_id, approving, actor, reason, model)
    except FlywheelError:
        await refresh(bot, carried)
        raise
    await refresh(bot, carried)
