"""From the command to the promotion and back, and every other end of a question to people."""

import asyncio
from datetime import timedelta

import pytest
from sqlmodel import col, update

from bot.views.decision import REASON
from bot.views.results import APPROVE, REJECT
from flywheel.clock import utc_now
from flywheel.db.models import Approval
from tests.peers.slack.local_slack import ADA, BEN, CLEO, DAN
from tests.peers.slack.peer import Peer, buttons, filled_in

pytestmark = pytest.mark.asyncio(loop_scope="session")

WHY = "clear of the limit"


async def test_from_the_command_to_the_promotion_and_back(peer: Peer) -> None:
    _, old = await peer.completed()
    run_id, results = await peer.completed()
    await peer.slack.until_says(f"Your run {run_id} on `news`", await peer.slack.direct(BEN))
    void = f"A newer run, {run_id}, has ended"
    closed = await peer.until_shows(old, void)
    assert APPROVE not in buttons(closed)
    assert void in await peer.presses_in_vain(ADA, old, APPROVE)

    told = await peer.presses_in_vain(BEN, results, APPROVE)
    assert f"These may: <@{ADA}>, <@{CLEO}>, <@{DAN}>." in told

    await peer.opens(ADA, results)
    errors = await peer.slack.submit(ADA, filled_in("ok"))
    assert list(errors) == [REASON]
    assert "in a few words why" in errors[REASON]
    assert await peer.serving() == []
    assert await peer.slack.submit(ADA, filled_in(WHY)) == {}
    decided = await peer.until_shows(results, "was promoted for news by ada")
    assert not {APPROVE, REJECT} & set(buttons(decided))
    assert await peer.serving() == [(run_id, ADA)]

    await peer.slack.command(ADA, "rollback news too many complaints")
    await peer.slack.until_says("rolled `news` back. Serving now: the teacher")
    assert await peer.serving() == []


async def test_of_two_who_press_at_once_one_promotes_and_the_other_is_told(peer: Peer) -> None:
    run_id, results = await peer.completed(by=ADA)
    await peer.opens(ADA, results)
    before = len(await peer.slack.messages())
    await peer.slack.submit(ADA, filled_in(WHY))
    await peer.slack.until(lambda m: "four_eyes" in m["text"] and m.get("ephemeral_to") == ADA)
    assert await peer.serving() == []

    await peer.opens(CLEO, results)
    await peer.opens(DAN, results)
    await asyncio.gather(*(peer.slack.submit(user, filled_in(WHY)) for user in (CLEO, DAN)))
    told = await peer.slack.until(lambda m: m.get("ephemeral_to") in {CLEO, DAN})
    assert told in (await peer.slack.messages())[before:]
    ((promoted, by),) = await peer.serving()
    assert promoted == run_id
    assert {by, told["ephemeral_to"]} == {CLEO, DAN}
    assert f"<@{by}>" in told["text"]


async def test_a_question_whose_time_is_over_loses_its_buttons(peer: Peer) -> None:
    _, results = await peer.completed()
    assert APPROVE in buttons(results)
    async with peer.backends() as backends, backends.database.transaction() as session:
        over = update(Approval).where(col(Approval.status) == "open")
        await session.exec(over.values(expires_at=utc_now() - timedelta(seconds=1)))
    closed = await peer.until_shows(results, "Nobody has decided in time")
    assert APPROVE not in buttons(closed)
    assert "Nobody has decided in time" in await peer.presses_in_vain(ADA, results, APPROVE)
