"""From the command to the promotion and back, on a Slack that is not ours."""

import asyncio

import pytest

from bot.views.decision import MODEL, REASON
from bot.views.results import APPROVE, REJECT
from flywheel.service.promotions import incumbents
from tests.peers.slack.local_slack import ADA, BEN, BOT, CLEO, Json
from tests.peers.slack.peer import Peer, buttons

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHY = "clear of the limit"


def filled_in(reason: str) -> Json:
    """The modal of an approval."""
    chosen = {"type": "static_select", "selected_option": {"value": "tfidf-svm"}}
    typed = {"type": "plain_text_input", "value": reason}
    return {MODEL: {MODEL: chosen}, REASON: {REASON: typed}}


async def opened_by(peer: Peer, user: str, results: Json) -> None:
    """Somebody presses Approve, and the modal comes."""
    seen = len(peer.proxy.calls_of("views.open"))
    await peer.slack.press(user, results, APPROVE)
    await peer.proxy.until_called("views.open", number=seen + 1)


async def serving(peer: Peer) -> list[tuple[str, str]]:
    """What serves, and who has let it."""
    async with peer.backends() as backends:
        return [(p.run_id, p.approved_by) for p in await incumbents(backends)]


async def test_from_the_command_to_the_promotion_and_back(peer: Peer) -> None:
    run_id, results = await peer.completed()
    await peer.slack.until_says(f"Your run {run_id} on `news`", await peer.slack.direct(BEN))

    await peer.slack.press(BEN, results, APPROVE)
    refusal = await peer.slack.until(lambda m: m.get("ephemeral_to") == BEN)
    assert f"These may: <@{ADA}>, <@{CLEO}>." in refusal["text"]

    await opened_by(peer, ADA, results)
    errors = await peer.slack.submit(ADA, filled_in("ok"))
    assert list(errors) == [REASON]
    assert "in a few words why" in errors[REASON]
    assert await serving(peer) == []
    assert await peer.slack.submit(ADA, filled_in(WHY)) == {}
    decided = await peer.until_shows(results, "was promoted for news by ada")
    assert not {APPROVE, REJECT} & set(buttons(decided))
    assert await serving(peer) == [(run_id, ADA)]

    await peer.slack.command(ADA, "rollback news too many complaints")
    await peer.slack.until_says("rolled `news` back. Serving now: the teacher")
    assert await serving(peer) == []


async def test_of_two_who_press_at_once_one_promotes_and_the_other_is_told(peer: Peer) -> None:
    run_id, results = await peer.completed()
    await opened_by(peer, ADA, results)
    await opened_by(peer, CLEO, results)
    await asyncio.gather(*(peer.slack.submit(user, filled_in(WHY)) for user in (ADA, CLEO)))
    told = await peer.slack.until(lambda m: m.get("ephemeral_to") in {ADA, CLEO})
    ((promoted, by),) = await serving(peer)
    assert promoted == run_id
    assert {by, told["ephemeral_to"]} == {ADA, CLEO}
    assert f"<@{by}>" in told["text"]


async def test_a_question_is_answered_where_it_was_asked(peer: Peer) -> None:
    await peer.slack.do("message", user=BEN, text=f"<@{BOT}> which model is best?")
    asked = await peer.slack.until_says("which model is best?")
    answer = await peer.slack.until_says("has the highest macro-F1")
    assert answer["thread_ts"] == asked["ts"]
    direct = await peer.slack.direct(CLEO)
    await peer.slack.do("message", user=CLEO, channel=direct, text="which model is best?")
    await peer.slack.until_says("has the highest macro-F1", direct)


async def test_a_run_is_cancelled_with_its_button(peer: Peer) -> None:
    _, card = await peer.started()
    await peer.slack.press(BEN, card, "cancel_run")
    shown = await peer.until_shows(card, "*Cancelled* after")
    assert "cancel_run" not in buttons(shown)
