"""Runs that nobody has started in Slack, schedules in trouble, and word to whoever asked."""

import asyncio
import signal
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from bot.announcements import Announcements
from bot.console.workspace import Change, Posted
from bot.messenger import Messenger
from bot.models import SlackCard, SlackNotice
from bot.relay import Relay
from bot.views.message import message, section
from flywheel.clock import utc_now
from flywheel.db.models import Announcement, Run, Schedule
from flywheel.runs import events
from flywheel.service import firing, schedules
from flywheel.service.runs import cancel_run, start_run
from flywheel.views import Actor, EventKind, RunRequest
from tests.bot.conftest import ADA, BEN, Scene, shown
from tests.support.programs import environment

ANNOUNCES = Path(__file__).with_name("announces.py")
SHELL = Actor(id="cli:me", name="me", origin="cli")
MAKER = Actor(id=BEN, name="ben", origin="slack")
REQUEST = RunRequest(workload_id="news")
NOTICE = "The schedule s-1 (every day, news) could not start a run: The log <is> empty."


def announcements(scene: Scene, *, tell: bool = True) -> Announcements:
    """Those of a bot that has just started, and waits for no other."""
    slack = scene.backends.settings.slack_config.model_copy(update={"tell_requester": tell})
    settings = scene.backends.settings.model_copy(update={"slack_config": slack})
    name = scene.stage.workspace.name
    messenger = Messenger(scene.stage.bot.messenger.client)
    relay = Relay(scene.backends, messenger, workspace=name, claim_seconds=0)
    ours = replace(scene.backends, settings=settings)
    return Announcements(ours, messenger, relay, workspace=name, claim_seconds=0)


async def fire(scene: Scene, maker: Actor = SHELL, channel: str | None = None) -> str:
    """A schedule that is due starts a run; returns which."""
    rule = "every monday 06:00 Europe/London"
    await schedules.add_schedule(scene.backends, REQUEST, rule, maker, channel or scene.channel)
    async with scene.backends.database.transaction() as session:
        for row in await session.exec(select(Schedule)):
            row.next_due = utc_now()
    (run_id,) = await firing.fire_due(scene.backends)
    return run_id


async def trouble(scene: Scene, maker: Actor, channel: str | None) -> None:
    """A schedule of theirs could not start a run, and people have yet to be told."""
    await schedules.add_schedule(scene.backends, REQUEST, "every day", maker, channel)
    await in_trouble(scene)


async def in_trouble(scene: Scene) -> None:
    """The only schedule could not start a run."""
    async with scene.backends.database.transaction() as session:
        row = (await session.exec(select(Schedule))).one()
        row.notice, row.notice_at = NOTICE, utc_now()


async def ends(scene: Scene, status: str, kind: EventKind, text: str) -> None:
    """The only run ends, and its card says so."""
    async with scene.backends.database.transaction() as session:
        run = (await session.exec(select(Run))).one()
        run.status, run.error, run.finished_at = status, text, utc_now()
        events.record(session, run, kind, text)
        run.version += 1
    await scene.stage.bot.relay.tick()


async def left(scene: Scene, table: type[Announcement] | type[SlackNotice]) -> int:
    async with scene.backends.database.transaction() as session:
        return len(list(await session.exec(select(table))))


def messages(scene: Scene, channel: str | None = None) -> list[Posted]:
    wanted = channel or scene.channel
    return [m for m in scene.stage.workspace.messages if m.channel == wanted and not m.thread_ts]


async def test_a_scheduled_run_gets_its_card_once(quiet_scene: Scene) -> None:
    scene = quiet_scene
    assert await fire(scene) == "r-1"
    await asyncio.gather(*(announcements(scene).tick() for _ in range(4)))
    (card,) = messages(scene)
    assert "Started by schedule s-1, every Monday at 06:00 Europe/London" in shown(card)
    assert "asked for by cli:me" in shown(card)
    assert await left(scene, Announcement) == 0


async def test_a_bot_that_died_after_its_claim_leaves_the_card_to_the_next(
    quiet_scene: Scene,
) -> None:
    scene = quiet_scene
    await fire(scene)
    assert await scene.stage.bot.relay.store.claim_card(1, scene.channel)
    assert await left(scene, Announcement) == 0
    fresh = announcements(scene)
    await fresh.tick()
    for _ in range(3):
        await fresh._relay.tick()
    assert len(messages(scene)) == 1


async def test_runs_of_a_workload_are_shown_in_its_channel_whoever_starts_them(
    quiet_scene: Scene,
) -> None:
    scene = quiet_scene
    workspace = scene.stage.workspace
    elsewhere = workspace.direct_channel(ADA)
    slack = scene.backends.settings.slack_config.model_copy(
        update={"channels": {"news": elsewhere}}
    )
    settings = scene.backends.settings.model_copy(update={"slack_config": slack})
    await start_run(replace(scene.backends, settings=settings), REQUEST, SHELL)
    await scene.announced("r-1")  # somebody asks for it in another channel, too
    for _ in range(2):
        await announcements(scene).tick()
    await cancel_run(scene.backends, "r-1", SHELL)
    async with scene.backends.database.transaction() as session:
        events.record(session, await session.get_one(Run, 1), "run-cancelled", "r-1 is over.")
    for _ in range(2):
        await scene.stage.bot.relay.tick()
    for channel in (scene.channel, elsewhere):
        (card,) = messages(scene, channel)
        assert "Being cancelled" in shown(card), "each of its cards goes on"
        (reply,) = workspace.thread(channel, card.ts)[1:]
        assert reply.text == "r-1 is over."


async def test_what_is_no_news_any_more_is_not_announced(quiet_scene: Scene) -> None:
    scene = quiet_scene
    await fire(scene)
    async with scene.backends.database.transaction() as session:
        run = (await session.exec(select(Run))).one()
        run.status, run.finished_at = "completed", utc_now() - timedelta(days=2)
        session.add(Announcement(run_id=1, channel="C0REALSLACK"))
    await announcements(scene).tick()
    assert messages(scene) == []
    assert await left(scene, Announcement) == 1, "another workspace's own"


@pytest.mark.parametrize("direct", [False, True])
async def test_trouble_with_a_schedule_is_told_once(quiet_scene: Scene, direct: bool) -> None:
    scene = quiet_scene
    channel = scene.stage.workspace.direct_channel(BEN) if direct else scene.channel
    await trouble(scene, MAKER, channel)
    await asyncio.gather(*(announcements(scene).tick() for _ in range(4)))
    await announcements(scene).tick()
    (told,) = messages(scene, channel)
    assert "could not start a run: The log &lt;is&gt; empty." in told.text
    assert await schedules.notices(scene.backends) == []


async def test_trouble_told_by_a_bot_that_died_is_not_told_again(quiet_scene: Scene) -> None:
    scene = quiet_scene
    await trouble(scene, SHELL, scene.channel)
    (notice,) = await schedules.notices(scene.backends)
    key = f"schedule:{notice.schedule_id}:{notice.at.timestamp():.6f}"
    async with scene.backends.database.transaction() as session:
        session.add(SlackNotice(key=key, sent_to=scene.channel))
    await scene.stage.bot.messenger.post(scene.channel, message("told", [section("told", key)]))
    for _ in range(2):
        await announcements(scene).tick()
    assert [m.text for m in messages(scene)] == ["told"]
    assert await schedules.notices(scene.backends) == []


async def test_whoever_asked_is_told_directly_once_how_it_ended(quiet_scene: Scene) -> None:
    scene = quiet_scene
    card = await scene.card("run news")
    await ends(scene, "failed", "run-failed", "No <candidate> was trained.")
    await asyncio.gather(*(announcements(scene).tick() for _ in range(4)))
    await announcements(scene).tick()
    (word,) = messages(scene, scene.stage.workspace.direct_channel(ADA))
    assert word.text.startswith("Your run r-1 on `news` has failed: No &lt;candidate&gt; was")
    assert f"/p{card.ts.replace('.', '')}|See the thread>" in shown(word)
    assert await left(scene, SlackNotice) == 1


async def test_a_direct_message_that_may_have_been_sent_is_not_repeated(
    quiet_scene: Scene,
) -> None:
    scene = quiet_scene
    await scene.card("run news")
    async with scene.backends.database.transaction() as session:
        session.add(SlackNotice(key="outcome:r-1", sent_to=ADA))
    await ends(scene, "failed", "run-failed", "It broke.")
    for _ in range(2):
        await announcements(scene).tick()
    assert messages(scene, scene.stage.workspace.direct_channel(ADA)) == []
    (row,) = await scene.stage.bot.relay.store.cards(1)
    assert row.told


@pytest.mark.parametrize("why", ["cancelled", "switched off", "own direct message", "not Slack"])
async def test_nobody_is_told_what_they_know_or_do_not_want(quiet_scene: Scene, why: str) -> None:
    scene = quiet_scene
    direct = scene.stage.workspace.direct_channel(ADA)
    if why == "own direct message":
        await scene.ada.command(direct, "run news")
        await scene.since(0)
    elif why == "not Slack":
        await start_run(scene.backends, REQUEST, SHELL)
        await scene.announced("r-1")
    else:
        await scene.card("run news")
    if why == "cancelled":
        await ends(scene, "cancelled", "run-cancelled", "It was cancelled.")
    else:
        await ends(scene, "failed", "run-failed", "It broke.")
    await announcements(scene, tell=why != "switched off").tick()
    assert await left(scene, SlackNotice) == 0
    async with scene.backends.database.transaction() as session:
        (card,) = await session.exec(select(SlackCard))
    assert card.told, "nor later, when it is switched on"


async def test_a_slack_that_is_away_is_asked_again(quiet_scene: Scene) -> None:
    scene = quiet_scene
    await scene.card("run news")
    await ends(scene, "failed", "run-failed", "It broke.")
    ours = announcements(scene)
    client = ours._messenger.client
    direct = scene.stage.workspace.direct_channel(ADA)
    url, client.base_url = client.base_url, "http://127.0.0.1:9/api/"
    await ours.tick()
    client.base_url = url
    await ours.tick()
    assert messages(scene, direct) == [], "not at once"
    ours._notices._paused.clear()
    await ours.tick()
    assert len(messages(scene, direct)) == 1


@pytest.mark.slow
async def test_bots_killed_as_they_post_leave_one_card_and_one_notice(quiet_scene: Scene) -> None:
    scene = quiet_scene
    await fire(scene)
    await in_trouble(scene)
    client, home = scene.stage.bot.messenger.client, scene.backends.settings.home
    running: list[asyncio.subprocess.Process] = []

    def kill(change: Change) -> None:
        if change.kind == "posted":  # Slack has the message; the bot never hears of it
            running[-1].kill()

    scene.stage.workspace.listeners.append(kill)
    ends = []
    while not ends or ends[-1] != 0:
        assert len(ends) < 4
        bot = await asyncio.create_subprocess_exec(
            *(sys.executable, str(ANNOUNCES), client.base_url, client.token or ""),
            scene.stage.workspace.name,
            env=environment(home),
        )
        running.append(bot)
        ends.append(await asyncio.wait_for(bot.wait(), 60))
    assert ends == [-signal.SIGKILL, -signal.SIGKILL, 0]
    texts = sorted(m.text[:16] for m in messages(scene))
    assert texts == ["Run r-1 on news:", "The schedule s-1"]
    assert await schedules.notices(scene.backends) == []
