"""What people do, on a Slack that is not ours."""

import asyncio

import aiohttp
import pytest

from bot.views.card import CANCEL
from bot.views.decision import MODEL, REASON
from bot.views.home import REFRESH
from bot.views.results import APPROVE
from bot.views.review import REVIEW, A
from bot.views.run_form import LIMIT, OTHERS, WORKLOAD
from bot.views.schedules import REMOVE
from flywheel.service.promotions import incumbents
from flywheel.service.runs import list_runs
from flywheel.service.schedules import list_schedules
from tests.peers.slack.conftest import Peer
from tests.peers.slack.local_slack import ADA, BEN, BOT, EVE, Json, button, buttons

pytestmark = pytest.mark.asyncio(loop_scope="module")


def filled(reason: str, model: str = "tfidf-svm") -> Json:
    """The approval as somebody fills it in."""
    chosen = {"type": "static_select", "selected_option": {"value": model}}
    return {MODEL: {MODEL: chosen}, **typed_in(REASON, reason)}


def typed_in(field: str, text: str) -> Json:
    """A text field of a form."""
    return {field: {field: {"type": "plain_text_input", "value": text}}}


async def serving(peer: Peer) -> list[str]:
    """Who has approved what serves now."""
    return [promotion.approved_by for promotion in await incumbents(peer.backends)]


async def test_a_run_from_the_command_to_promotion_and_rollback(peer: Peer) -> None:
    results = await peer.completed()
    await peer.slack.say(f"<@{BOT}> which model is best?")
    await peer.slack.until(lambda m: "has the highest macro-F1" in m["text"])

    await peer.slack.press(results, APPROVE, BEN)
    assert f"<@{ADA}>" in (await peer.told(BEN, "may not decide"))["text"]

    modal = await peer.opened(results, APPROVE, ADA)
    answer = await peer.proxy.submit(modal, filled("ok"), ADA)
    assert answer["response_action"] == "errors"
    assert "Say in a few words why" in answer["errors"][REASON]
    assert await serving(peer) == []

    await peer.slack.submit(ADA, filled("clear of the limit"))
    decided = await peer.slack.until(
        lambda m: m["ts"] == results["ts"] and "was promoted for news by ada" in m["text"]
    )
    assert APPROVE not in buttons(decided)
    assert await serving(peer) == [ADA]

    await peer.slack.command("rollback news it was too early", ADA)
    await peer.slack.until(lambda m: "rolled `news` back" in m["text"])
    assert await serving(peer) == []


async def test_a_run_is_cancelled_by_its_button(peer: Peer) -> None:
    before = len(await peer.slack.messages())
    await peer.slack.command("run news eval_size=150")  # of all candidates, so that there is time

    async def look() -> list[Json]:
        return [m for m in (await peer.slack.messages())[before:] if CANCEL in buttons(m)]

    (card,) = await peer.slack.wait(look)
    await peer.slack.press(card, CANCEL, BEN)
    ended = await peer.slack.until(lambda m: m["ts"] == card["ts"] and "cancelled" in m["text"])
    assert CANCEL not in buttons(ended)


async def test_a_run_is_asked_for_on_the_form(peer: Peer) -> None:
    before, runs = len(await peer.slack.messages()), len(await list_runs(peer.backends))
    opened = len(peer.proxy.called("views.open"))
    await peer.slack.command("run")
    form = dict((await peer.proxy.until_called("views.open", opened)).answer["view"])
    assert "600 records" in str(form["blocks"])

    chosen = {"type": "static_select", "selected_option": {"value": "news"}}
    workload = {WORKLOAD: {WORKLOAD: chosen}}
    faulty = {**workload, **typed_in(LIMIT, "many"), **typed_in(OTHERS, "epoch=2")}
    answer = await peer.proxy.submit(form, faulty, BEN)
    assert answer["response_action"] == "errors"
    assert set(answer["errors"]) == {LIMIT, OTHERS}

    right = {**workload, **typed_in(LIMIT, "500")}
    await asyncio.gather(*(peer.proxy.submit(form, right, BEN) for _ in range(3)))

    async def look() -> Json | None:
        new = (await peer.slack.messages())[before:]
        return next((m for m in new if CANCEL in buttons(m)), None)

    card = await peer.slack.wait(look)
    assert f"Asked for by <@{BEN}>" in str(card["blocks"])
    await peer.slack.press(card, CANCEL, BEN)
    await peer.slack.until(lambda m: m["ts"] == card["ts"] and "cancelled" in m["text"])
    assert len(await list_runs(peer.backends)) == runs + 1


async def test_a_schedule_is_made_and_removed_with_its_button(peer: Peer) -> None:
    await peer.slack.command("schedule news every monday 06:00 Europe/London")
    await peer.slack.until(lambda m: "made the schedule s-1" in m["text"])
    await peer.slack.command("schedule", ADA)
    listed = await peer.told(ADA, "s-1 on news")
    await peer.slack.press(listed, REMOVE, ADA)
    await peer.slack.until(lambda m: m["ts"] == listed["ts"] and "no schedule" in m["text"])
    assert await list_schedules(peer.backends) == []


async def test_a_direct_message_is_answered(peer: Peer) -> None:
    headers = {"authorization": "Bearer xoxb-peer"}
    async with aiohttp.ClientSession(headers=headers) as session:
        opening = session.post(f"{peer.slack.url}/api/conversations.open", data={"users": BEN})
        async with opening as answer:
            channel = (await answer.json())["channel"]["id"]
    await peer.slack.say("which workloads are there?", channel=channel)
    await peer.slack.until(
        lambda m: m["user"] == BOT and "thread_ts" in m and "news" in m["text"], channel
    )


async def test_disagreements_are_judged_in_a_modal(peer: Peer) -> None:
    results = await peer.asking()
    opened, updated = len(peer.proxy.called("views.open")), len(peer.proxy.called("views.update"))
    await peer.slack.press(results, REVIEW, EVE)
    await peer.proxy.until_called("views.open", opened)

    async def asked(number: int) -> Json:
        """The modal with this number that asks about a record."""
        while True:
            views = [c.answer["view"] for c in peer.proxy.calls if c.method.startswith("views.")]
            asking = [view for view in views[opened + updated :] if A in buttons(view)]
            if len(asking) > number:
                return dict(asking[number])
            await asyncio.sleep(0.05)

    first = await asyncio.wait_for(asked(0), 30)
    await peer.proxy.press_in(first, button(first, A), EVE)
    second = await asyncio.wait_for(asked(1), 30)
    assert button(first, A)["value"] != button(second, A)["value"]
    assert "1 of 150" in str(second["blocks"])


async def test_the_home_tab_asks_who_decides(peer: Peer) -> None:
    results = await peer.asking()
    run = results["text"].split()[2]
    published = len(peer.proxy.called("views.publish"))
    await peer.slack.open_home(BEN)
    await peer.slack.open_home(EVE)
    tabs = {}
    for number in range(2):
        call = await peer.proxy.until_called("views.publish", published + number)
        tabs[call.arguments["user_id"]] = call.answer["view"]
    assert APPROVE not in buttons(tabs[BEN])
    assert APPROVE in buttons(tabs[EVE])
    assert run in str(tabs[EVE]["blocks"])
    await peer.proxy.press_in(tabs[BEN], button(tabs[BEN], REFRESH), BEN)
    await peer.proxy.until_called("views.publish", published + 2)


async def test_of_two_who_approve_at_once_one_does_and_the_other_is_told(peer: Peer) -> None:
    results = await peer.asking()
    modals = {user: await peer.opened(results, APPROVE, user) for user in (ADA, EVE)}
    await asyncio.gather(
        *(peer.proxy.submit(view, filled("good enough"), user) for user, view in modals.items())
    )
    await peer.slack.until(lambda m: m["ts"] == results["ts"] and "was promoted" in m["text"])
    (first,) = await serving(peer)
    await peer.told(EVE if first == ADA else ADA, f"already approved by <@{first}>")
    await peer.slack.command("rollback news only a test", ADA)
    await peer.slack.until(lambda m: "only a test" in m["text"])


async def test_nobody_approves_a_run_of_their_own_where_the_policy_wants_four_eyes(
    peer: Peer,
) -> None:
    peer.use_policy(("four_eyes: false", "four_eyes: true"))
    results = await peer.completed(by=ADA)
    await peer.opened(results, APPROVE, ADA)
    await peer.slack.submit(ADA, filled("I am sure of it"))
    await peer.told(ADA, "the policy wants somebody else")
    assert await serving(peer) == []
    assert APPROVE in buttons(await peer.again(results))


async def test_a_question_whose_time_is_over_loses_its_buttons(peer: Peer) -> None:
    peer.use_policy(("expires_hours: 168", "expires_hours: 0.001"))
    results = await peer.completed()
    closed = await peer.slack.until(
        lambda m: m["ts"] == results["ts"] and APPROVE not in buttons(m)
    )
    assert "Nobody has decided in time" in str(closed["blocks"])
    await peer.slack.press(results, APPROVE, ADA)  # on a screen that is behind
    await peer.told(ADA, "decided already")
    assert await serving(peer) == []


async def test_a_newer_result_makes_the_older_question_void(peer: Peer) -> None:
    older = await peer.asking()
    await peer.completed()
    closed = await peer.slack.until(lambda m: m["ts"] == older["ts"] and APPROVE not in buttons(m))
    assert "newer run" in str(closed["blocks"])
    await peer.slack.press(older, APPROVE, ADA)
    await peer.told(ADA, "decided already")
