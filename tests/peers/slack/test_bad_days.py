"""Deliveries that come twice, calls that fail, forged requests, and a bot that is killed."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from sqlmodel import col, select, update

from bot.models import SlackCard, SlackPost
from bot.views.results import APPROVE
from flywheel.clock import utc_now
from flywheel.service.runs import list_runs
from tests.peers.slack.conftest import RUN, Peer
from tests.peers.slack.local_slack import ADA, BOT, CHANNEL, Json, buttons
from tests.peers.slack.proxy import Fault

pytestmark = pytest.mark.asyncio(loop_scope="module")

FORM = "application/x-www-form-urlencoded"


def is_results(arguments: Json) -> bool:
    """Whether a call sends the results of a run."""
    return str(arguments.get("text", "")).startswith("Results of r-")


async def blocks_by_name(peer: Peer, start: str) -> list[str]:
    """The names of blocks that mark messages, in all messages that there are."""
    return [
        block["block_id"]
        for message in await peer.slack.messages()
        for block in message.get("blocks", [])
        if str(block.get("block_id", "")).startswith(start)
    ]


async def claimed(peer: Peer) -> list[SlackPost]:
    """The posts that Slack has not confirmed."""
    query = select(SlackPost).where(SlackPost.state == "claimed")
    async with peer.backends.database.reading() as session:
        return list(await session.exec(query))


async def noted(peer: Peer) -> bool:
    """Whether everything has been confirmed."""
    return not await claimed(peer)


async def unnoticed(peer: Peer) -> bool:
    """Whether there are results that the app does not know to be there."""
    marks = {b["block_id"] for m in await peer.results() for b in m["blocks"][:1]}
    return any(f"event:{post.event_id}" in marks for post in await claimed(peer))


async def make_claims_old(peer: Peer) -> None:
    """As if an hour had passed."""
    then = utc_now() - timedelta(hours=1)
    async with peer.backends.database.transaction() as session:
        claims = update(SlackPost).where(col(SlackPost.state) == "claimed")
        await session.exec(claims.values(claimed_at=then))
        cards = update(SlackCard).where(col(SlackCard.ts).is_(None))
        await session.exec(cards.values(shown_at=then))


async def test_what_is_delivered_twice_is_done_once(peer: Peer) -> None:
    before = len(await list_runs(peer.backends, limit=1000))
    peer.proxy.twice = True
    await peer.completed()
    assert len(await list_runs(peer.backends, limit=1000)) == before + 1
    await peer.slack.say(f"<@{BOT}>")
    await peer.slack.until(lambda m: "What `/flywheel` can do" in m["text"])
    peer.proxy.twice = False
    await peer.slack.say(f"<@{BOT}> which workloads are there?")
    await peer.slack.until(lambda m: "news" in m["text"] and "records" in m["text"])
    said = [m for m in await peer.slack.messages() if "What `/flywheel` can do" in m["text"]]
    assert len(said) == 1
    cards = await blocks_by_name(peer, "card:")
    assert len(cards) == len(set(cards))


async def test_a_slack_that_slows_us_down_or_fails_gets_it_later(peer: Peer) -> None:
    peer.proxy.fail(
        "chat.postMessage",
        Fault(error="ratelimited", status=429, retry_after=1),
        Fault(when=is_results, status=500),
        Fault(when=is_results, error="ratelimited", status=429, retry_after=1),
    )
    peer.proxy.fail("chat.update", Fault(status=500), Fault(error="ratelimited", status=429,
                                                            retry_after=1))  # fmt: skip
    results = await peer.completed()
    assert not peer.proxy.faults["chat.postMessage"]
    assert not peer.proxy.faults["chat.update"]
    marks = await blocks_by_name(peer, "event:")
    assert len(marks) == len(set(marks))
    assert APPROVE in buttons(results)


async def test_an_answer_that_gets_lost_is_not_posted_again(peer: Peer) -> None:
    peer.proxy.fail("chat.postMessage", Fault(when=is_results, lose_answer=True))
    before = len(await peer.results())
    await peer.slack.command(RUN)
    await peer.slack.wait(lambda: claimed(peer))
    await peer.slack.wait(lambda: unnoticed(peer))
    await peer.slack.wait(lambda: noted(peer))
    assert len(await peer.results()) == before + 1


async def test_results_that_slack_does_not_take_are_said_in_plain_words(peer: Peer) -> None:
    as_it_is, with_plain_tables = (Fault(when=is_results, error="invalid_blocks") for _ in "ab")
    peer.proxy.fail("chat.postMessage", as_it_is, with_plain_tables)
    before = len(await peer.results())
    await peer.slack.command(RUN)

    async def look() -> list[Json]:
        return (await peer.results())[before:]

    (found,) = await peer.slack.wait(look)
    words, note = found["blocks"]
    assert words["block_id"].startswith("event:")
    error_id = note["elements"][0]["text"].split("`")[1]
    assert f"({error_id}, invalid_blocks)" in peer.app.log.read_text()


async def test_a_card_that_cannot_be_shown_any_more_stops_no_other(peer: Peer) -> None:
    peer.proxy.fail("chat.update", Fault(error="is_archived"))
    await peer.slack.command(RUN)
    log = peer.app.log

    async def given_up() -> bool:
        return "is_archived" in log.read_text()

    await peer.slack.wait(given_up)
    await peer.completed()


async def test_a_token_that_is_revoked_is_one_line_and_no_run_stops(peer: Peer) -> None:
    peer.proxy.fail("chat.update", Fault(error="token_revoked"))
    before = len([r for r in await list_runs(peer.backends, limit=1000) if r.finished_at])
    await peer.slack.command(RUN)

    async def ended() -> bool:
        found = [r for r in await list_runs(peer.backends, limit=1000) if r.finished_at]
        return len(found) > before

    await peer.slack.wait(ended)
    said = peer.app.log.read_text().count("does not accept the bot any more (token_revoked)")
    assert said == 1
    await peer.app.stop()  # which would wait a minute before it looks again
    await peer.app.start()
    newest = (await list_runs(peer.backends, limit=1))[0].id
    await peer.slack.until(lambda m: m["text"].startswith(f"Results of {newest} "))


async def test_requests_that_slack_has_not_signed_just_now_are_refused(peer: Peer) -> None:
    body = urlencode(
        {
            "command": "/flywheel",
            "text": RUN,
            "user_id": ADA,
            "channel_id": CHANNEL,
            "team_id": "T0PEER0001",
            "trigger_id": "1.forged",
            "response_url": f"{peer.slack.url}/_hooks/response/none",
        }
    )
    before = len(await list_runs(peer.backends, limit=1000))
    if peer.mode == "socket":  # then nothing is taken from the network
        async with peer.proxy.session.post(peer.proxy.app, data=body) as answer:
            assert answer.status == 404
        return
    for age, secret in ((0, "another secret"), (600, "peer-secret"), (-600, "peer-secret")):
        status, _ = await peer.proxy.send(body, FORM, age=age, secret=secret)
        assert status == 401
    await peer.slack.command("help", ADA)
    await peer.told(ADA, "What `/flywheel` can do")
    kept, kind = peer.proxy.delivered[-1]
    status, _ = await peer.proxy.send(kept, kind, age=600)
    assert status == 401
    assert len(await list_runs(peer.backends, limit=1000)) == before


async def test_a_bot_that_is_killed_after_it_has_posted_does_not_post_again(peer: Peer) -> None:
    before = len(await peer.slack.messages())

    async def killed() -> bool:
        return peer.app.process is not None and peer.app.process.returncode is not None

    def is_card(arguments: Json) -> bool:
        return str(arguments.get("text", "")).startswith("Run r-")

    peer.proxy.fail("chat.postMessage", Fault(when=is_card, after=peer.app.kill))
    await peer.slack.command(RUN)
    for _ in range(2):
        await peer.slack.wait(killed)
        await make_claims_old(peer)
        peer.proxy.fail("chat.postMessage", Fault(when=is_results, after=peer.app.kill))
        await peer.app.start()
    peer.proxy.faults.clear()

    (card,) = [m for m in (await peer.slack.messages())[before:] if m["text"].startswith("Run r-")]
    await peer.slack.until(
        lambda m: m["ts"] == card["ts"] and "The results are in the thread" in str(m["blocks"])
    )
    (run,) = {run.id for run in await list_runs(peer.backends, limit=1)}
    assert card["text"].startswith(f"Run {run} ")
    thread = [m["text"] for m in await peer.slack.messages() if m.get("thread_ts") == card["ts"]]
    assert len(thread) == len(set(thread)) == 5, "datasets, scores, training, scores, results"
    assert thread[-1].startswith(f"Results of {run} ")
