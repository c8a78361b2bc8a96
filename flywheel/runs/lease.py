"""One worker at a time drives a run: a lease with a fence, kept in the run's row.

The fence grows with every lease; every write carries it, so that a worker which was thought
dead, and wakes up again, can change nothing.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.clock import happens, utc_now
from flywheel.db.engine import Database
from flywheel.db.models import Run
from flywheel.errors import UnavailableError
from flywheel.runs.graph import ACTIVE_RUN

log = logging.getLogger(__name__)


class LeaseLostError(Exception):
    """Another worker has taken the run; what this one knows is stale."""


@dataclass(frozen=True)
class Lease:
    """The right to change a run, while nobody has taken a later one."""

    run_id: int
    fence: int


async def acquire(database: Database, run_id: int, seconds: float) -> Lease | None:
    """Take the lease on an unfinished run, or None where another worker holds it."""
    now = utc_now()
    async with database.transaction() as session:
        taken = await session.exec(
            update(Run)
            .where(
                col(Run.id) == run_id,
                col(Run.status).in_(ACTIVE_RUN),
                or_(col(Run.lease_until).is_(None), col(Run.lease_until) < now),
            )
            .values(fence=Run.fence + 1, lease_until=now + timedelta(seconds=seconds))
            .returning(col(Run.fence))
            .execution_options(synchronize_session=False)
        )
        fence = taken.scalar_one_or_none()
    return None if fence is None else Lease(run_id, fence)


async def leased_run(session: AsyncSession, lease: Lease) -> Run:
    """The run's row, locked for this transaction. Raises LeaseLostError under a later fence."""
    query = select(Run).where(Run.id == lease.run_id, Run.fence == lease.fence).with_for_update()
    run = (await session.exec(query)).one_or_none()
    if run is None:
        raise LeaseLostError(f"run {lease.run_id} has a fence later than {lease.fence}")
    return run


async def release(database: Database, lease: Lease, next_look: float) -> None:
    """Give the lease back; the run should be looked at again in `next_look` seconds."""
    async with database.transaction() as session:
        await session.exec(
            update(Run)
            .where(col(Run.id) == lease.run_id, col(Run.fence) == lease.fence)
            .values(lease_until=None, wake_at=utc_now() + timedelta(seconds=next_look))
            .execution_options(synchronize_session=False)
        )


@asynccontextmanager
async def heartbeat(database: Database, lease: Lease, seconds: float) -> AsyncIterator[None]:
    """Prolong the lease for as long as the block runs."""

    over = asyncio.Event()

    async def beat() -> None:
        while not await happens(over, seconds / 3):
            try:
                await _prolong(database, lease, seconds)
            except UnavailableError as error:  # the next beat may get through
                log.warning("the lease on run %s was not prolonged: %s", lease.run_id, error)

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        over.set()
        await task


async def _prolong(database: Database, lease: Lease, seconds: float) -> None:
    async with database.transaction() as session:
        await session.exec(
            update(Run)
            .where(col(Run.id) == lease.run_id, col(Run.fence) == lease.fence)
            .values(lease_until=utc_now() + timedelta(seconds=seconds))
            .execution_options(synchronize_session=False)
        )


async def abandoned(database: Database, grace: float) -> list[tuple[int, str]]:
    """Claim the unfinished runs that nobody drives and nobody has been woken for lately.

    Of several sweeps at once only one gets a run. Returns (run id, token of the wake-up); the
    token is new each time, because a queue refuses one whose worker was killed for a while.
    """
    now = utc_now()
    overdue = now - timedelta(seconds=grace)
    async with database.transaction() as session:
        claimed = await session.exec(
            update(Run)
            .where(
                col(Run.status).in_(ACTIVE_RUN),
                or_(col(Run.lease_until).is_(None), col(Run.lease_until) < now),
                col(Run.wake_at) < overdue,
            )
            .values(wake_at=now)
            .returning(col(Run.id), col(Run.fence))
            .execution_options(synchronize_session=False)
        )
        return [(run_id, f"{fence}-{now.timestamp():.3f}") for run_id, fence in claimed.all()]
