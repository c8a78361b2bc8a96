"""One worker at a time drives a run, and a stale one can change nothing."""

import asyncio
from datetime import timedelta

import pytest
from sqlmodel import select

from flywheel.clock import utc_now
from flywheel.db.engine import Database
from flywheel.db.models import Run
from flywheel.runs.lease import (
    LeaseLostError,
    abandoned,
    acquire,
    heartbeat,
    leased_run,
    release,
)


@pytest.fixture
async def run_id(database: Database) -> int:
    async with database.transaction() as session:
        run = Run(uid="u", workload_id="w", status="running", requested_by="me", config={}, seed=1)
        session.add(run)
        await session.flush()
        assert run.id is not None
        return run.id


async def the_run(database: Database) -> Run:
    async with database.transaction() as session:
        return (await session.exec(select(Run))).one()


async def change(database: Database, **values: object) -> None:
    async with database.transaction() as session:
        run = (await session.exec(select(Run))).one()
        for name, value in values.items():
            setattr(run, name, value)


async def test_of_many_workers_exactly_one_gets_the_lease(database: Database, run_id: int) -> None:
    leases = await asyncio.gather(*(acquire(database, run_id, 60) for _ in range(8)))
    assert sum(lease is not None for lease in leases) == 1


async def test_a_released_run_can_be_taken_again_under_a_later_fence(
    database: Database, run_id: int
) -> None:
    first = await acquire(database, run_id, 60)
    assert first is not None
    await release(database, first, 0)
    second = await acquire(database, run_id, 60)
    assert second is not None
    assert second.fence == first.fence + 1


async def test_an_expired_lease_is_lost_to_the_next_worker(database: Database, run_id: int) -> None:
    dead = await acquire(database, run_id, 60)
    assert dead is not None
    await change(database, lease_until=utc_now() - timedelta(seconds=1))
    alive = await acquire(database, run_id, 60)
    assert alive is not None
    with pytest.raises(LeaseLostError):
        async with database.transaction() as session:
            (await leased_run(session, dead)).status = "completed"
    async with database.transaction() as session:
        (await leased_run(session, alive)).num_records = 7
    run = await the_run(database)
    assert (run.status, run.num_records) == ("running", 7)


async def test_a_finished_run_cannot_be_leased(database: Database, run_id: int) -> None:
    await change(database, status="completed")
    assert await acquire(database, run_id, 60) is None


async def test_the_heartbeat_keeps_a_lease_that_would_expire(
    database: Database, run_id: int
) -> None:
    lease = await acquire(database, run_id, 1.0)
    assert lease is not None
    granted = (await the_run(database)).lease_until
    assert granted is not None
    async with heartbeat(database, lease, 1.0), asyncio.timeout(20):
        while (until := (await the_run(database)).lease_until) is None or until <= granted:
            assert await acquire(database, run_id, 1) is None
            await asyncio.sleep(0.01)


async def test_the_sweep_finds_what_nobody_drives_once(database: Database, run_id: int) -> None:
    assert await abandoned(database, grace=60) == []
    await change(database, wake_at=utc_now() - timedelta(seconds=61))
    sweeps = await asyncio.gather(*(abandoned(database, 60) for _ in range(4)))
    assert [run for sweep in sweeps for run, _ in sweep] == [run_id]


async def test_the_sweep_leaves_alone_what_a_worker_holds(database: Database, run_id: int) -> None:
    await acquire(database, run_id, 60)
    await change(database, wake_at=utc_now() - timedelta(seconds=61))
    assert await abandoned(database, 60) == []
