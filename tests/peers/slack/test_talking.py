"""What people say and press beside decisions, and what Slack delivers twice or somebody forges."""

from urllib.parse import urlencode

import pytest

from flywheel.service.runs import list_runs
from tests.peers.slack.local_slack import BEN, BOT, CHANNEL, CLEO
from tests.peers.slack.peer import Peer, buttons

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_question_is_answered_where_it_was_asked(peer: Peer) -> None:
    await peer.slack.do("message", user=BEN, text=f"<@{BOT}> how many runs are there?")
    asked = await peer.slack.until_says("how many runs are there?")
    await peer.slack.until(
        lambda m: m.get("thread_ts") == asked["ts"] and m["user"] == BOT,
    )
    direct = await peer.slack.direct(CLEO)
    await peer.slack.do("message", user=CLEO, channel=direct, text="how many runs are there?")
    await peer.slack.until(lambda m: m["user"] == BOT, direct)


async def test_what_is_delivered_twice_is_done_once(peer: Peer) -> None:
    peer.proxy.repeating = True
    try:
        _, card = await peer.started()
        await peer.slack.press(BEN, card, "cancel_run")
        await peer.slack.do("message", user=BEN, text=f"<@{BOT}> what is r-1?")
        asked = await peer.slack.until_says("what is r-1?")
        await peer.slack.until(lambda m: m.get("thread_ts") == asked["ts"])
    finally:
        peer.proxy.repeating = False
    shown = await peer.until_shows(card, "*Cancelled* after")
    assert "cancel_run" not in buttons(shown)
    messages = await peer.slack.messages()
    assert sum(m.get("thread_ts") == asked["ts"] for m in messages) == 1
    said = [m for m in messages if (m["text"] or "").endswith("is being cancelled.")]
    assert len(said) == 1
    async with peer.backends() as backends:
        newest = (await list_runs(backends))[0]
    assert newest.id == card["text"].split()[1]


async def test_forged_and_old_deliveries_are_refused(peer: Peer) -> None:
    if peer.mode == "socket":
        pytest.skip("Socket Mode carries no signatures")
    body = {"command": "/flywheel", "text": "runs", "user_id": BEN, "user_name": "ben"}
    body |= {"channel_id": CHANNEL, "trigger_id": "forged", "response_url": peer.proxy.url}
    sent = urlencode(body)
    assert await peer.proxy.post_signed(sent, secret="another") == 401
    assert await peer.proxy.post_signed(sent, age=301) == 401
    assert peer.proxy.calls_of("chat.postMessage", "forged") == []
