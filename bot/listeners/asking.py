"""Questions asked with a button: answered where the run is talked about."""

from collections.abc import Mapping
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.context import Bot, person_in
from bot.errors import Reply
from bot.inbox.delivery import Delivery
from bot.listeners.actions import on_action
from bot.listeners.modals import on_submit
from bot.relay import number
from bot.views.asking import ASK, ASK_VIEW, QUESTION, AskContext, ask_modal, question_problem
from bot.views.lists import answer
from bot.views.message import Message
from flywheel.service.questions import ask
from flywheel.service.runs import get_run

View = Mapping[str, Any]


def register(app: AsyncApp, bot: Bot) -> None:
    """Listen to the button and to its modal."""
    on_action(app, bot, ASK, _open)
    on_submit(app, bot, ASK_VIEW, _problems, _answer, _reply)


async def _open(bot: Bot, delivery: Delivery) -> None:
    body = delivery.body
    view = await get_run(bot.backends, body["actions"][0]["value"])
    channel = body["container"].get("channel_id", person_in(body)[0])
    modal = ask_modal(view, AskContext(run_id=view.id, channel=channel))
    await bot.messenger.client.views_open(trigger_id=body["trigger_id"], view=modal)


def _question(view: View) -> str:
    return str(view["state"]["values"][QUESTION][QUESTION]["value"] or "")


def _problems(view: View) -> Mapping[str, str]:
    problem = question_problem(_question(view))
    return {} if problem is None else {QUESTION: problem}


def _carried(delivery: Delivery) -> AskContext:
    return AskContext.model_validate_json(delivery.body["view"]["private_metadata"])


def _reply(bot: Bot, delivery: Delivery) -> Reply:
    user, _ = person_in(delivery.body)

    async def whisper(sent: Message) -> None:
        await bot.messenger.whisper(_carried(delivery).channel, user, sent)

    return whisper


async def _answer(bot: Bot, delivery: Delivery) -> None:
    """In the run's thread where it was asked in that channel; else to the person alone."""
    carried, marked = _carried(delivery), f"answer:{delivery.reference}"
    user, _ = person_in(delivery.body)
    cards = await bot.relay.store.cards(number(carried.run_id))
    thread = next((card.ts for card in cards if card.channel == carried.channel), None)
    if delivery.again and thread and await bot.messenger.marked(carried.channel, thread, marked):
        return
    question = _question(delivery.body["view"]).strip()
    found = await ask(bot.backends, question, carried.run_id)
    shown = answer(found, marked, asked=(user, question))
    if thread is not None:
        await bot.messenger.post_once(carried.channel, shown, thread, marked)
    else:
        await bot.messenger.whisper(carried.channel, user, shown)
