"""`/flywheel schedule` in conversation, and views that Slack takes whatever is in them."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select

from bot.console.workspace import Posted, Workspace
from bot.views.outcome import outcome
from bot.views.schedules import PAUSE, REMOVE, RESUME, made, schedule_list
from flywheel.clock import utc_now
from flywheel.db.models import Schedule
from flywheel.service import schedules
from flywheel.service.firing import fire_due
from flywheel.settings import Settings
from flywheel.views import ScheduleView
from flywheel.wiring import open_backends
from tests.bot.conftest import BEN, SECONDS, Scene, scene_in, shown, whispers
from tests.bot.strategies import NOW, names, prose, run_views
from tests.bot.test_session import played
from tests.bot.test_views import _mrkdwn, blocks_of, sound

MONDAY = "every monday 06:00 Europe/London"


@st.composite
def schedule_views(draw: Any) -> ScheduleView:
    """Any schedule."""
    by_records = draw(st.booleans())
    return ScheduleView(
        id=f"s-{draw(st.integers(1, 999))}",
        workload_id=draw(names),
        client_id=draw(st.none() | names),
        rule=draw(st.text(max_size=400)),
        typed="",
        asks={},
        made_by=draw(st.just("U0CONSOLE01") | names),
        channel=None,
        created_at=NOW,
        zone=None if by_records else draw(st.sampled_from(["UTC", "Asia/Tokyo"])),
        next_due=draw(st.none() | st.just(NOW)),
        last_fired=draw(st.none() | st.just(NOW)),
        last_run=draw(st.none() | st.just("r-7")),
        skipped=draw(st.none() | st.just(NOW)),
        records=5000 if by_records else None,
        new_records=draw(st.none() | st.integers(0, 10**9)),
        paused=draw(st.booleans()),
        error=draw(prose),
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(schedule_views(), max_size=30, unique_by=lambda view: view.id))
def test_every_list_of_schedules_is_one_that_slack_takes(views: list[ScheduleView]) -> None:
    listed = schedule_list(views)
    sound(listed)
    for view in views[:3]:
        sound(made(view))
        assert "<!" not in " ".join(_mrkdwn(blocks_of(made(view))))
    assert "<!" not in " ".join(_mrkdwn(blocks_of(listed)))


@settings(max_examples=40, deadline=None)
@given(run_views(), st.none() | st.text(max_size=80).map(lambda text: f"https://a.example/{text}"))
def test_every_outcome_is_one_that_slack_takes(view: Any, permalink: str | None) -> None:
    told = outcome(view, permalink, f"outcome:{view.id}")
    sound(told)
    assert "<!" not in " ".join(_mrkdwn(blocks_of(told)))


async def test_a_schedule_is_made_for_all_to_see_and_changed_from_the_list(
    quiet_scene: Scene,
) -> None:
    scene = quiet_scene
    changes = await scene.command(f"schedule news {MONDAY} limit=20", by=scene.ben)
    (posted,) = [c.message for c in changes if c.kind == "posted" and c.message]
    assert f"<@{BEN}> made the schedule s-1: a run of `news` every Monday at 06:00" in posted.text
    await scene.command("schedule news when 5000 new records")
    (view, _) = await schedules.list_schedules(scene.backends)
    assert (view.channel, view.made_by, view.asks) == (scene.channel, BEN, {"limit": 20})

    (change,) = await scene.command("schedule")
    listed = change.message
    assert listed is not None
    assert "06:00 Europe/London (" in shown(listed)
    assert "0 of 5,000 new records" in shown(listed)
    await scene.press(listed, PAUSE, scene.ada, "schedule:s-2")
    assert [v.paused for v in await schedules.list_schedules(scene.backends)] == [False, True]
    await scene.press(listed, RESUME, scene.ada)
    assert [v.paused for v in await schedules.list_schedules(scene.backends)] == [False, False]
    await schedules.pause_schedule(scene.backends, "s-1", scene.stage.bot.actor(BEN, "ben"))
    late = await scene.press(listed, PAUSE, scene.ada, "schedule:s-1")
    assert "s-1 is paused already." in whispers(late)
    assert "Resume" in shown(listed), "the list is put right"
    await scene.press(listed, REMOVE, scene.ada, "schedule:s-1")
    assert "s-1" not in shown(listed)

    assert "s-2 is paused." in whispers(await scene.command("schedule pause s-2"))
    assert "s-2 goes on." in whispers(await scene.command("schedule resume 2"))
    assert "s-2 is removed" in whispers(await scene.command("schedule remove s-2"))
    assert "There is no schedule." in whispers(await scene.command("schedule"))
    told = whispers(await scene.command("schedule remove s-2"))
    assert "There is no schedule s-2." in told
    assert "`/flywheel schedule list`" in told
    assert "Did you mean monday?" in whispers(await scene.command("schedule news every mnday"))


async def test_the_terminal_shows_schedules_and_presses_their_buttons(quiet_scene: Scene) -> None:
    text, _ = await played(
        quiet_scene,
        f"/flywheel schedule news {MONDAY}",
        "/flywheel schedule news daily",
        "/flywheel schedule",
        "3",
    )
    assert "made the schedule s-2" in text
    assert "06:00 Europe/London" in text
    views = await schedules.list_schedules(quiet_scene.backends)
    assert [view.paused for view in views] == [False, True]


async def test_the_next_console_shows_the_runs_of_schedules_made_in_one(quick: Settings) -> None:
    async with scene_in(quick, 30, relay=False) as scene:
        await scene.command(f"schedule news {MONDAY}")
    async with open_backends(quick, with_queue=False) as backends:
        async with backends.database.transaction() as session:
            (await session.exec(select(Schedule))).one().next_due = utc_now()
        assert await fire_due(backends) == ["r-1"]
    async with scene_in(quick, 0) as scene:
        card = await scene.stage.workspace.wait_for(lambda: first(scene.stage.workspace), SECONDS)
        assert "Started by schedule s-1, every Monday at 06:00 Europe/London" in shown(card)
        (view,) = await schedules.list_schedules(scene.backends)
        assert view.channel == scene.channel


def first(workspace: Workspace) -> Posted | None:
    """The first message of all."""
    return next(iter(workspace.messages), None)
