"""Schedules: made, paused, removed, and fired once whatever becomes of the workers."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlmodel import select

from flywheel.clock import utc_now
from flywheel.db.models import Announcement, Run, Schedule
from flywheel.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError
from flywheel.ports.backends import Backends
from flywheel.ports.logs import Selection
from flywheel.service import firing, runs, schedules
from flywheel.service.logs import import_files
from flywheel.settings import Settings
from flywheel.views import RunRequest
from flywheel.wiring import open_backends
from tests.support.running import ANALYST, write_log
from tests.support.workers import worker

REQUEST = RunRequest(workload_id="news", settings={"epochs": "2"})
DAILY = "every day 06:00 Europe/London"
AGO = timedelta(days=5)


@pytest.fixture
async def backends(settings: Settings, database_url: str) -> AsyncIterator[Backends]:
    """A log of 40 records, and nobody who works."""
    secrets = settings.secrets.model_copy(update={"database_url": None})
    if database_url.startswith("postgresql"):
        secrets = settings.secrets.model_copy(update={"database_url": SecretStr(database_url)})
    worker_config = settings.worker_config.model_copy(update={"count_seconds": 0.01})
    settings = settings.model_copy(update={"secrets": secrets, "worker_config": worker_config})
    async with open_backends(settings, with_queue=False) as opened:
        await more_records(opened, 40, 1)
        yield opened


async def more_records(backends: Backends, number: int, seed: int) -> None:
    """Records that were not there."""
    log = write_log(backends.settings.home / f"{seed}.jsonl", number, seed)
    await import_files(backends.logs, [log], reject_dir=backends.settings.home)


async def make_due(backends: Backends, ago: timedelta = AGO) -> datetime:
    """As if nobody had worked since then, and any claim were over."""
    due = utc_now() - ago
    async with backends.database.transaction() as session:
        for row in await session.exec(select(Schedule)):
            row.next_due, row.claimed_until = due, None
    return due


async def end_runs(backends: Backends) -> None:
    """As if a worker had brought every run to its end."""
    async with backends.database.transaction() as session:
        for run in await session.exec(select(Run)):
            run.status = "completed"


async def row(backends: Backends) -> Schedule:
    async with backends.database.transaction() as session:
        return (await session.exec(select(Schedule))).one()


async def test_a_schedule_is_shown_paused_resumed_and_removed(backends: Backends) -> None:
    made = await schedules.add_schedule(backends, REQUEST, DAILY, ANALYST, "C1")
    assert (made.id, made.rule, made.made_by) == (
        "s-1", "every day at 06:00 Europe/London", ANALYST.id,
    )  # fmt: skip
    assert made.asks == {"epochs": "2"}
    assert made.next_due is not None
    assert made.next_due > utc_now()
    assert await schedules.list_schedules(backends) == [made]
    assert await schedules.list_schedules(backends, "other") == []

    paused = await schedules.pause_schedule(backends, "S-1", ANALYST)
    assert paused.paused
    assert paused.next_due is None
    with pytest.raises(ConflictError, match="paused already"):
        await schedules.pause_schedule(backends, "1", ANALYST)
    await make_due(backends)
    assert await firing.fire_due(backends) == []

    resumed = await schedules.resume_schedule(backends, "s-1", ANALYST)
    assert resumed.next_due == made.next_due, "what was missed meanwhile is not caught up"
    with pytest.raises(ConflictError, match="not paused"):
        await schedules.resume_schedule(backends, "s-1", ANALYST)

    await schedules.remove_schedule(backends, "s-1", ANALYST)
    assert await schedules.list_schedules(backends) == []
    with pytest.raises(NotFoundError, match="no schedule s-1"):
        await schedules.pause_schedule(backends, "s-1", ANALYST)
    with pytest.raises(NotFoundError, match="is not a schedule"):
        await schedules.pause_schedule(backends, "r-1; drop", ANALYST)
    again = await schedules.add_schedule(backends, REQUEST, DAILY, ANALYST)
    assert again.id == "s-2", "the number stays with the runs of the removed one"


async def test_what_could_not_start_is_not_taken(backends: Backends) -> None:
    with pytest.raises(NotFoundError, match="Did you mean news"):
        await schedules.add_schedule(backends, RunRequest(workload_id="nwes"), DAILY, ANALYST)
    wrong = RunRequest(workload_id="news", settings={"epohcs": "2"})
    with pytest.raises(InvalidInputError, match="did you mean epochs"):
        await schedules.add_schedule(backends, wrong, DAILY, ANALYST)
    with pytest.raises(InvalidInputError, match="Did you mean monday"):
        await schedules.add_schedule(backends, REQUEST, "every mnday", ANALYST)
    assert await schedules.list_schedules(backends) == []


async def test_missed_times_are_caught_up_once_and_the_run_says_who_started_it(
    backends: Backends,
) -> None:
    await schedules.add_schedule(backends, REQUEST, DAILY, ANALYST, "C1")
    assert await firing.fire_due(backends) == [], "not yet"
    due = await make_due(backends)
    assert await firing.fire_due(backends) == ["r-1"]
    assert await firing.fire_due(backends) == []
    run = await runs.get_run(backends, "r-1")
    assert run.requested_by == ANALYST.id
    assert run.schedule is not None
    assert (run.schedule.id, run.schedule.rule, run.schedule.due) == (
        "s-1", "every day at 06:00 Europe/London", due,
    )  # fmt: skip
    async with backends.database.transaction() as session:
        stored = (await session.exec(select(Run))).one()
        announced = (await session.exec(select(Announcement))).one()
    assert (announced.run_id, announced.channel) == (1, "C1")
    assert stored.config["training_config"]["epochs"] == 2
    (shown,) = await schedules.list_schedules(backends)
    assert shown.next_due is not None
    assert shown.next_due > utc_now()
    assert shown.last_fired is not None

    await schedules.remove_schedule(backends, "s-1", ANALYST)
    assert (await runs.get_run(backends, "r-1")).schedule == run.schedule


async def test_of_many_workers_one_starts_the_run(backends: Backends) -> None:
    await schedules.add_schedule(backends, REQUEST, DAILY, ANALYST)
    for _ in range(3):
        await make_due(backends)
        started = await asyncio.gather(*(firing.fire_due(backends) for _ in range(8)))
        assert sum(map(len, started)) == 1
        await end_runs(backends)
    assert len(await runs.list_runs(backends)) == 3


async def test_a_worker_that_was_thought_dead_starts_no_second_run(backends: Backends) -> None:
    await schedules.add_schedule(backends, REQUEST, DAILY, ANALYST)
    due = await make_due(backends)
    slow = await firing._claim(backends, 1)
    assert slow is not None
    assert await firing.fire_due(backends) == [], "the claim holds"
    async with backends.database.transaction() as session:
        (await session.get_one(Schedule, 1)).claimed_until = utc_now() - timedelta(seconds=1)
    assert await firing.fire_due(backends) == ["r-1"], "a claim that ran out is no loss"
    with pytest.raises(firing._LostError):
        await firing._start(backends, slow)
    (only,) = await runs.list_runs(backends)
    assert only.schedule is not None
    assert only.schedule.due == due


async def test_one_paused_between_claim_and_start_starts_nothing(backends: Backends) -> None:
    await schedules.add_schedule(backends, REQUEST, DAILY, ANALYST)
    await make_due(backends)
    claimed = await firing._claim(backends, 1)
    assert claimed is not None
    await schedules.pause_schedule(backends, "s-1", ANALYST)
    with pytest.raises(firing._LostError):
        await firing._start(backends, claimed)
    assert await runs.list_runs(backends) == []


async def test_new_records_are_counted_from_the_last_run(backends: Backends) -> None:
    made = await schedules.add_schedule(backends, REQUEST, "when 50 new records", ANALYST)
    assert (made.records, made.new_records, made.next_due) == (50, 0, None)

    async def fired() -> list[str]:
        await end_runs(backends)
        await make_due(backends, timedelta(0))
        return await firing.fire_due(backends)

    assert await fired() == [], "the forty that were there are not new"
    await more_records(backends, 30, 2)
    assert await fired() == []
    (shown,) = await schedules.list_schedules(backends)
    assert shown.new_records == 30
    await more_records(backends, 20, 3)
    assert await fired() == ["r-1"]
    assert await fired() == []

    await more_records(backends, 30, 4)
    other_client = RunRequest(workload_id="news", client_id="desk")
    await runs.start_run(backends, other_client, ANALYST)
    (shown,) = await schedules.list_schedules(backends)
    assert shown.new_records == 30, "a run of one client is none of all"
    await runs.start_run(backends, RunRequest(workload_id="news"), ANALYST)
    await more_records(backends, 30, 5)
    assert await fired() == [], "somebody's own run has used the others"
    await more_records(backends, 20, 6)
    assert await fired() == ["r-4"]


async def test_runs_of_a_schedule_do_not_pile_up(backends: Backends) -> None:
    made = await schedules.add_schedule(backends, REQUEST, DAILY, ANALYST)
    assert (made.zone, made.last_run, made.skipped) == ("Europe/London", None, None)
    await make_due(backends)
    assert await firing.fire_due(backends) == ["r-1"]
    due = await make_due(backends, timedelta(minutes=5))
    assert await firing.fire_due(backends) == []
    (shown,) = await schedules.list_schedules(backends)
    assert (shown.last_run, shown.skipped, shown.error) == ("r-1", due, None)
    assert shown.next_due is not None
    assert shown.next_due > utc_now()
    await end_runs(backends)
    await make_due(backends, timedelta(minutes=5))
    assert await firing.fire_due(backends) == ["r-2"]


async def test_one_by_records_waits_for_its_last_run(backends: Backends) -> None:
    await schedules.add_schedule(backends, REQUEST, "when 20 new records", ANALYST)
    await more_records(backends, 20, 2)
    await make_due(backends, timedelta(0))
    assert await firing.fire_due(backends) == ["r-1"]
    await more_records(backends, 20, 3)
    await make_due(backends, timedelta(0))
    assert await firing.fire_due(backends) == []
    (shown,) = await schedules.list_schedules(backends)
    assert (shown.new_records, shown.skipped) == (20, None)
    await end_runs(backends)
    await make_due(backends, timedelta(0))
    assert await firing.fire_due(backends) == ["r-2"]


async def test_a_run_started_while_records_are_counted_begins_anew(backends: Backends) -> None:
    await schedules.add_schedule(backends, REQUEST, "when 50 new records", ANALYST)
    await more_records(backends, 30, 2)
    await make_due(backends, timedelta(0))
    claimed = await firing._claim(backends, 1)
    assert claimed is not None
    await runs.start_run(backends, REQUEST, ANALYST)
    assert not await firing._has_enough(backends, claimed)
    assert (await row(backends)).counted == 70

    await more_records(backends, 30, 3)
    async with backends.database.transaction() as session:
        (await session.exec(select(Run))).one().status = "failed"
    await runs.retry_run(backends, "r-1", ANALYST)
    assert (await row(backends)).counted == 100, "one that is tried again reads them as well"


async def test_one_that_cannot_start_says_why_once_and_pauses_in_the_end(
    backends: Backends,
) -> None:
    await schedules.add_schedule(backends, REQUEST, DAILY, ANALYST, "C1")
    async with backends.database.transaction() as session:
        (await session.exec(select(Schedule))).one().request = {"workload_id": "gone"}
    told = []
    for _ in range(firing.PATIENCE + 2):
        await make_due(backends)
        assert await firing.fire_due(backends) == []
        async with backends.database.transaction() as session:
            found = (await session.exec(select(Schedule))).one()
            told += [found.notice] if found.notice else []
            found.notice = None  # as the bot does, once it has told
    first, last = told
    assert "could not start a run: The log holds no workload 'gone'." in first
    assert "It tries again" in first
    assert "is paused: it could not start a run 3 times in a row." in last
    assert "`flywheel schedule resume s-1`" in last
    (shown,) = await schedules.list_schedules(backends)
    assert shown.paused
    assert shown.error is not None
    assert "'gone'" in shown.error
    assert await runs.list_runs(backends) == []


class _Away:
    async def count(self, selection: Selection) -> int:
        raise UnavailableError("The log does not answer.")


async def test_a_log_that_is_away_is_no_failure(
    backends: Backends, monkeypatch: pytest.MonkeyPatch
) -> None:
    await schedules.add_schedule(backends, REQUEST, DAILY, ANALYST)
    due = await make_due(backends)
    by_records = await schedules.add_schedule(backends, REQUEST, "when 50 new records", ANALYST)
    monkeypatch.setattr(backends.logs, "count", _Away().count)
    with pytest.raises(UnavailableError):
        await firing.fire_due(backends)
    paused = await schedules.pause_schedule(backends, by_records.id, ANALYST)
    assert (paused.paused, paused.new_records) == (True, None)
    await schedules.remove_schedule(backends, by_records.id, ANALYST)
    monkeypatch.undo()
    found = await row(backends)
    assert (found.failures, found.next_due) == (0, due)
    await make_due(backends)
    assert await firing.fire_due(backends) == ["r-1"]


DIES = Path(__file__).with_name("dies_while_firing.py")


@pytest.mark.slow
@pytest.mark.parametrize(("where", "deaths"), [("before", 3), ("after", 1)])
async def test_workers_killed_while_firing_start_one_run(
    settings: Settings, where: str, deaths: int, tmp_path: Path
) -> None:
    async with open_backends(settings) as backends:
        await more_records(backends, 40, 1)
        await schedules.add_schedule(backends, REQUEST, DAILY, ANALYST)
        await make_due(backends)
        for number in range(deaths):
            mark = tmp_path / f"died-{number}"
            async with worker(settings, program=(str(DIES), where, str(mark))) as dying:
                await asyncio.wait_for(dying.wait(), 60)
                assert mark.read_text() == where
            found = await row(backends)
            assert len(await runs.list_runs(backends)) == (0 if where == "before" else 1)
            assert (found.claimed_until is not None) == (where == "before")
        async with worker(settings), asyncio.timeout(60):
            while not (started := await runs.list_runs(backends)):
                await asyncio.sleep(0.05)
            while started[0].status == "pending":  # by then it has looked for what is due
                (started[0],) = await runs.list_runs(backends)
                await asyncio.sleep(0.05)
        assert [run.id for run in await runs.list_runs(backends)] == ["r-1"]
        assert (await row(backends)).next_due > utc_now()
