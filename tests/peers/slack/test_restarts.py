"""The app is killed between a message that is posted and its own note of that."""

import asyncio
from collections import Counter

import pytest

from tests.peers.slack.local_slack import BEN, BOT
from tests.peers.slack.peer import RUN, Peer

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_nothing_is_posted_twice_and_nothing_is_lost(peer: Peer) -> None:
    before = {m["ts"] for m in await peer.slack.messages()}
    killing = asyncio.create_task(peer.killed_after("chat.postMessage", "card:r-"))
    await asyncio.sleep(0)  # from here on it is armed
    await peer.slack.command(BEN, RUN)
    await killing
    card = await peer.slack.until(lambda m: m["ts"] not in before and m["text"].startswith("Run r"))
    run_id = card["text"].split()[1]
    await peer.killed_after("chat.postMessage", f"Results of {run_id}")
    await peer.until_shows(card, "The results are in the thread.")
    await peer.slack.until_says(f"Your run {run_id} on", await peer.slack.direct(BEN))

    posted = [m for m in await peer.slack.messages() if m["ts"] not in before]
    cards = [m for m in posted if m["user"] == BOT and not m.get("thread_ts")]
    assert [m["ts"] for m in cards] == [card["ts"]]
    thread = Counter(m["text"] for m in posted if m.get("thread_ts") == card["ts"])
    assert set(thread.values()) == {1}
    assert len(thread) == 5, thread  # datasets, base, training, tuned, results
    direct = await peer.slack.messages(await peer.slack.direct(BEN))
    assert sum(f"Your run {run_id} on" in m["text"] for m in direct) == 1
