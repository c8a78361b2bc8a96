"""Deliveries are acknowledged whatever the database does, and none is lost or done twice."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import timedelta
from time import monotonic
from typing import Any
from urllib.parse import parse_qsl

import pytest
from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncBoltContext
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.console.workspace import APP_USER, Posted
from bot.errors import Reply
from bot.inbox.delivery import Delivery, delivery_of
from bot.inbox.inbox import KEPT, STALE, Handler, Inbox
from bot.inbox.keeper import Keeper
from bot.models import SlackDelivery
from bot.views.message import Message
from flywheel.clock import utc_now
from flywheel.db.engine import Database
from flywheel.service.runs import list_runs, start_run
from flywheel.views import Actor, RunRequest
from tests.bot.conftest import ADA, SECONDS, Scene, shown, whispers
from tests.bot.test_deliveries import command_body

LEASE = timedelta(seconds=30)


@contextmanager
def locked(scene: Scene) -> Iterator[None]:
    """Another process that keeps the database to itself."""
    path = scene.backends.settings.home / "flywheel.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@asynccontextmanager
async def taking_over(scene: Scene) -> AsyncIterator[None]:
    """The inbox looks for what dead processes have left."""
    stop = asyncio.Event()
    running = asyncio.create_task(scene.stage.bot.inbox.run(stop))
    yield
    stop.set()
    await running


async def left_behind(scene: Scene, body: dict[str, Any], age: timedelta = timedelta(0)) -> str:
    """A delivery that a process had when it was killed; its key."""
    delivery = delivery_of(body, json.dumps(body))
    async with scene.backends.database.transaction() as session:
        session.add(
            SlackDelivery(
                key=delivery.key,
                route=delivery.route,
                scope=scene.stage.workspace.name,
                body=body,
                owner="dead",
                received_at=utc_now() - age,
                lease_until=utc_now() - timedelta(seconds=1),
            )
        )
    return delivery.key


def command(scene: Scene, text: str, trigger: str = "7.x") -> dict[str, Any]:
    """A slash command as it was received."""
    return dict(parse_qsl(command_body(scene, text, trigger)))


async def until_told(scene: Scene, part: str) -> None:
    """Wait until somebody is told this."""
    await scene.stage.workspace.wait_for(
        lambda: True if part in whispers(scene.stage.workspace.changes) else None, SECONDS
    )


async def test_a_command_is_acknowledged_and_done_later_where_the_database_is_locked(
    scene: Scene,
) -> None:
    inbox = scene.stage.bot.inbox
    inbox.patience, inbox.tell_after = 0.3, 0.1
    with locked(scene):
        begun = monotonic()
        assert (await scene.ada.command(scene.channel, "run news")).status == 200
        assert monotonic() - begun < 3.0
        await until_told(scene, "do it once it is back")
        assert scene.stage.workspace.messages == []
    await inbox.idle()
    assert [m.text for m in scene.stage.workspace.messages] == [
        "Run r-1 on news: waiting for a worker"
    ]
    assert [run.requested_by for run in await list_runs(scene.backends)] == [ADA]


async def test_a_run_whose_process_died_before_its_card_is_not_started_again(
    scene: Scene,
) -> None:
    key = await left_behind(scene, command(scene, "run news"))
    ada = Actor(id=ADA, name="ada", origin="console")
    before = await start_run(scene.backends, RunRequest(workload_id="news"), ada, key=key)
    async with taking_over(scene):
        posted = await scene.stage.workspace.wait_for(
            lambda: next(iter(scene.stage.workspace.messages), None), SECONDS
        )
    assert before.id in posted.text
    assert len(await list_runs(scene.backends)) == 1


async def test_what_a_dead_process_left_is_done_once(scene: Scene) -> None:
    await left_behind(scene, command(scene, "workloads"))
    async with taking_over(scene), taking_over(scene):
        await until_told(scene, "Workloads in the log")
    await scene.stage.bot.inbox.idle()
    assert len(scene.stage.workspace.changes) == 1


async def test_a_rollback_is_not_repeated_by_the_process_that_takes_over(scene: Scene) -> None:
    await left_behind(scene, command(scene, "rollback news it was wrong"))
    async with taking_over(scene):
        await until_told(scene, "I was restarted while I carried out `/flywheel rollback news")


async def test_nobody_gets_an_answer_that_they_no_longer_wait_for(scene: Scene) -> None:
    await left_behind(scene, command(scene, "run news"), STALE * 2)
    async with taking_over(scene):
        await until_told(scene, "Ask again.")
    assert await list_runs(scene.backends) == []


async def test_an_answer_that_was_posted_is_not_posted_again(scene: Scene) -> None:
    workspace = scene.stage.workspace
    asked = await scene.ben.say(scene.channel, "help")
    await workspace.reply_to(asked, SECONDS)
    await scene.stage.bot.inbox.idle()
    event = {"type": "app_mention", "user": scene.ben.id, "text": f"<@{APP_USER}> help"}
    answered = {"event_id": "Ev7", "event": {**event, "ts": asked.ts, "channel": scene.channel}}
    body = {"type": "event_callback", **answered}
    mark = f"answer:{delivery_of(body, '').reference}"
    workspace.post(scene.channel, "x", [_marked(mark)], thread_ts=asked.ts)
    await left_behind(scene, body)
    await left_behind(scene, {**body, "event_id": "Ev8"})
    async with taking_over(scene):

        def answers() -> list[Posted] | None:
            found = workspace.thread(scene.channel, asked.ts)[1:]
            return found if len(found) > 2 else None

        found = await workspace.wait_for(answers, SECONDS)
        await scene.stage.bot.inbox.idle()
    assert [mark in shown(message) for message in found] == [False, True, False]
    assert len(workspace.thread(scene.channel, asked.ts)) == 4


def _marked(mark: str) -> dict[str, Any]:
    text = {"type": "mrkdwn", "text": "the answer"}
    return {"type": "section", "block_id": mark, "text": text}


def _silent(_delivery: Delivery) -> Reply:
    async def reply(sent: Message) -> None:
        raise AssertionError(sent.text)

    return reply


async def test_a_process_that_is_stopped_leaves_its_work_to_another(database: Database) -> None:
    begun, done = asyncio.Event(), asyncio.Event()

    async def endless(_delivery: Delivery) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def quick(delivery: Delivery) -> None:
        assert delivery.again
        assert delivery.body["text"] == "x"
        done.set()

    first, second = Inbox(database), Inbox(database)
    first.on("command", Handler("a command", endless, _silent))
    second.on("command", Handler("a command", quick, _silent))
    request = AsyncBoltRequest(body="command=%2Fflywheel&text=x&trigger_id=1&token=old-secret")
    context = AsyncBoltContext()

    async def listener() -> BoltResponse:
        first.take(context["delivery"])
        return BoltResponse(status=200)

    assert (await first.middleware(request, context, listener)).status == 200
    await begun.wait()
    assert (await second.middleware(request, AsyncBoltContext(), listener)).body == ""
    await first.close(0.0)

    stop = asyncio.Event()
    third = Inbox(database)
    third.on("command", Handler("a command", quick, _silent))
    running = asyncio.create_task(third.run(stop))
    await asyncio.wait_for(done.wait(), SECONDS)
    stop.set()
    await running
    await third.close()
    async with database.transaction() as session:
        row = await session.get_one(SlackDelivery, "trigger:1")
    assert row.done_at is not None
    assert row.body is None


@pytest.mark.parametrize("number", [1, 1200])
async def test_many_deliveries_are_stored_together_and_each_is_had_once(
    database: Database, number: int
) -> None:
    keepers = [Keeper(database, owner, "", LEASE) for owner in ("one", "two")]
    found = []
    for keeper in keepers:
        for i in range(number):
            delivery = Delivery(f"k{i}", "command", {"token": "x", "n": i})
            keeper.keep(delivery)
            found.append(delivery)
    mine = await asyncio.gather(*(delivery.mine for delivery in found))
    assert sum(mine) == number
    assert await keepers[0].orphans(10) == []
    for delivery in found:
        keepers[0].done(delivery.key)
    await keepers[0].flush()
    await keepers[1].release()
    assert await keepers[0].orphans(10) == []


async def test_old_deliveries_are_forgotten(database: Database) -> None:
    keeper = Keeper(database, "one", "", LEASE)
    old = Delivery("old", "command", {}, received_at=utc_now() - KEPT * 2)
    for delivery in (old, Delivery("new", "command", {})):
        keeper.keep(delivery)
        await delivery.mine
    await keeper.forget(utc_now() - KEPT)
    repeated = [Delivery(key, "command", {}) for key in ("old", "new")]
    for delivery in repeated:
        Keeper(database, "two", "", LEASE).keep(delivery)
    assert [await delivery.mine for delivery in repeated] == [True, False]


def test_the_verification_token_is_not_kept() -> None:
    async def made() -> Delivery:
        return delivery_of({"command": "/flywheel", "token": "secret", "trigger_id": "1"}, "")

    assert asyncio.run(made()).body == {"command": "/flywheel", "trigger_id": "1"}
