"""One card per run, every milestone once: also after a crash between claim and post."""

import asyncio
from datetime import timedelta

from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.messenger import Messenger, retry_handlers
from bot.models import SlackCard, SlackPost
from bot.relay import Relay
from bot.views.message import message, section
from bot.views.results import decision_buttons, event_block_id
from flywheel.clock import utc_now
from flywheel.db.models import Run
from flywheel.http_server import http_server
from flywheel.runs import events
from flywheel.service.runs import cancel_run, delete_run, get_run, start_run
from flywheel.views import Actor, EventKind, RunRequest
from tests.bot.conftest import Scene, action_ids, shown
from tests.bot.strategies import run_view

SHELL = Actor(id="cli:me", name="me", origin="cli")


async def happen(scene: Scene, kind: EventKind, text: str) -> int:
    """Something happens to run 1; returns the event's id."""
    async with scene.backends.database.transaction() as session:
        run = await session.get_one(Run, 1)
        events.record(session, run, kind, text)
        run.version += 1
    async with scene.backends.database.transaction() as session:
        return (await events.read(session, 1))[-1].id or 0


def replies(scene: Scene) -> list[str]:
    """The texts in the thread of the first card."""
    card = scene.stage.workspace.messages[0]
    return [m.text for m in scene.stage.workspace.thread(card.channel, card.ts)[1:]]


def fresh_relay(scene: Scene) -> Relay:
    """The relay of a bot that has just started, and waits for no other."""
    return Relay(
        scene.backends,
        Messenger(scene.stage.bot.messenger.client),
        workspace=scene.stage.workspace.name,
        claim_seconds=0,
    )


async def test_every_event_is_posted_once_in_order(scene: Scene) -> None:
    card = await scene.card("run news")
    texts = [f"milestone {i} & <more>" for i in range(5)]
    for text in texts:
        await happen(scene, "candidate-trained", text)
    await scene.reply(card, "milestone 4")
    await asyncio.gather(*(fresh_relay(scene).tick() for _ in range(3)))
    assert replies(scene) == [
        t.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for t in texts
    ]


async def test_a_claim_that_was_never_posted_is_posted_after_a_restart(quiet_scene: Scene) -> None:
    scene = quiet_scene
    await scene.card("run news")
    event_id = await happen(scene, "candidate-trained", "one milestone")
    async with scene.backends.database.transaction() as session:
        session.add(SlackPost(event_id=event_id, run_id=1, channel=scene.channel))
    patient = Relay(scene.backends, scene.stage.bot.messenger, workspace=scene.stage.workspace.name)
    await patient.tick()
    assert replies(scene) == [], "the claim may belong to a bot that is still posting"
    for _ in range(3):
        await fresh_relay(scene).tick()
    assert replies(scene) == ["one milestone"]


async def test_a_message_that_was_posted_but_not_confirmed_is_adopted(quiet_scene: Scene) -> None:
    scene = quiet_scene
    card = await scene.card("run news")
    event_id = await happen(scene, "candidate-trained", "one milestone")
    sent = message("one milestone", [section("one milestone", event_block_id(event_id))])
    await scene.stage.bot.messenger.post(scene.channel, sent, card.ts)
    async with scene.backends.database.transaction() as session:
        session.add(SlackPost(event_id=event_id, run_id=1, channel=scene.channel))
    for _ in range(3):
        await fresh_relay(scene).tick()
    assert replies(scene) == ["one milestone"]
    (row,) = await scene.stage.bot.relay.store.cards(1)
    posts = await scene.stage.bot.relay.store.posts(row)
    assert posts[event_id].state == "posted"
    assert posts[event_id].ts == scene.stage.workspace.messages[-1].ts


async def test_a_card_that_was_never_posted_appears_after_a_restart(quiet_scene: Scene) -> None:
    scene = quiet_scene
    await start_run(scene.backends, RunRequest(workload_id="news"), SHELL)
    async with scene.backends.database.transaction() as session:
        session.add(SlackCard(run_id=1, channel=scene.channel))
    for _ in range(3):
        await fresh_relay(scene).tick()
    assert [m.text for m in scene.stage.workspace.messages] == [
        "Run r-1 on news: waiting for a worker"
    ]


async def test_a_card_that_was_posted_but_not_confirmed_is_adopted(quiet_scene: Scene) -> None:
    scene = quiet_scene
    card = await scene.card("run news")
    async with scene.backends.database.transaction() as session:
        row = await session.get_one(SlackCard, (1, scene.channel))
        row.ts = None
    await fresh_relay(scene).tick()
    assert len(scene.stage.workspace.messages) == 1
    (row,) = await scene.stage.bot.relay.store.cards(1)
    assert row.ts == card.ts


async def test_edits_keep_their_pace_and_the_newest_state_wins(quiet_scene: Scene) -> None:
    scene = quiet_scene
    card = await scene.card("run news")
    slow = fresh_relay(scene)
    slow._edit_seconds = 60
    await cancel_run(scene.backends, "r-1", SHELL)
    await slow.tick()
    assert card.edits == 0
    async with scene.backends.database.transaction() as session:
        row = await session.get_one(SlackCard, (1, scene.channel))
        row.shown_at = utc_now() - timedelta(minutes=2)
    await slow.tick()
    await slow.tick()
    assert card.edits == 1
    assert "Being cancelled" in shown(card)


async def test_a_change_that_nobody_sees_is_no_edit(scene: Scene) -> None:
    card = await scene.card("run news")
    await happen(scene, "candidate-trained", "a milestone")
    await scene.reply(card, "a milestone")
    assert card.edits == 0


async def test_the_card_of_a_deleted_run_says_so(scene: Scene) -> None:
    card = await scene.card("run news")
    asking = message("approve?", [decision_buttons(run_view())])
    ts = await scene.stage.bot.messenger.post(scene.channel, asking, card.ts)
    decided = scene.stage.workspace.find(scene.channel, ts)
    async with scene.backends.database.transaction() as session:
        (await session.get_one(Run, 1)).status = "cancelled"
    await delete_run(scene.backends, "r-1", SHELL)
    await scene.until_text(card, "Run r-1 was deleted.")
    await scene.until_text(decided, "Run r-1 was deleted.")
    assert action_ids(decided) == []


async def test_runs_without_a_card_and_other_workspaces_are_left_alone(scene: Scene) -> None:
    await start_run(scene.backends, RunRequest(workload_id="news"), SHELL)
    async with scene.backends.database.transaction() as session:
        session.add(SlackCard(run_id=1, channel="C0REALSLACK", ts="1.000001"))
    await fresh_relay(scene).tick()
    assert scene.stage.workspace.changes == []
    slack = Relay(scene.backends, scene.stage.bot.messenger)
    assert [c.channel for c in await slack.store.newest_cards(9)] == ["C0REALSLACK"]
    assert (await get_run(scene.backends, "r-1")).version > 0


async def test_a_slack_that_says_429_is_waited_for() -> None:
    calls: list[str] = []

    async def busy_at_first(request: Request) -> Response:
        calls.append(request.url.path)
        if len(calls) == 1:
            return JSONResponse({"ok": False}, status_code=429, headers={"retry-after": "0"})
        return JSONResponse({"ok": True, "ts": "1.2"})

    routes = [Route("/api/{method}", busy_at_first, methods=["POST"])]
    async with http_server(Starlette(routes=routes), "127.0.0.1", 0) as url:
        client = AsyncWebClient(
            token="xoxb-x", base_url=f"{url}/api/", retry_handlers=retry_handlers()
        )
        client.proxy = None
        assert await Messenger(client).post("C1", message("hello")) == "1.2"
    assert calls == ["/api/chat.postMessage"] * 2
