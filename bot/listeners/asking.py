"""Questions asked with a button: answered where the run is talked about."""

from collections.abc import Mapping
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.context import Bot, person_in, team_of
from bot.conversation import Asking, answer_in_place, thread_of
from bot.errors import Reply
from bot.inbox.delivery import Delivery
from bot.listeners.actions import on_action
from bot.listeners.modals import on_submit
from bot.views.asking import ASK, ASK_VIEW, QUESTION, AskContext, ask_modal, question_problem
from bot.views.message import Message
from flywheel.service.runs import get_run

View = Mapping[str, Any]


def register(app: AsyncApp, bot: Bot) -> None:
    """Listen to the button and to its modal."""
    on_action(app, bot, ASK, _open)
    on_submit(app, bot, ASK_VIEW, _problems, _answer, _reply, waits=bot.has_model)


async def _open(bot: Bot, delivery: Delivery) -> None:
    body = delivery.body
    _, backends = await bot.viewer(*person_in(body))
    view = await get_run(backends, body["actions"][0]["value"])
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
    thread = await thread_of(bot, carried.run_id, carried.channel)
    if delivery.again and thread and await bot.messenger.marked(carried.channel, thread, marked):
        return
    user, name = person_in(delivery.body)
    asking = Asking(
        user=user,
        name=name,
        team=team_of(delivery.body),
        channel=carried.channel,
        thread=thread,
        question=_question(delivery.body["view"]).strip(),
        mark=marked,
        shown=False,
        again=delivery.again,
    )
    await answer_in_place(bot, asking, carried.run_id)
