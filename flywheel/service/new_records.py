"""New records: those of a workload since its last run, for schedules that wait for them.

What is counted is how many the log holds in all, so records that come in late, or with an old
time stamp, are new as well.
"""

from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.db.models import Schedule
from flywheel.ports.backends import Backends
from flywheel.ports.logs import Selection
from flywheel.schedules.rule import RecordsRule, stored_rule
from flywheel.views import RunRequest


async def count(backends: Backends, workload_id: str, client_id: str | None) -> int:
    """How many records of the workload the log holds."""
    return await backends.logs.count(Selection(workload_id=workload_id, client_id=client_id))


async def counts(backends: Backends, request: RunRequest) -> dict[int, int]:
    """How many records there are now, by the schedule that a run like this begins anew."""
    query = select(Schedule).where(Schedule.workload_id == request.workload_id)
    if request.client_id is not None:  # a run of one client is none of the others
        query = query.where(Schedule.client_id == request.client_id)
    async with backends.database.reading() as session:
        waiting = [
            row
            for row in await session.exec(query)
            if isinstance(stored_rule(row.rule), RecordsRule)
        ]
    return {row.id or 0: await count(backends, row.workload_id, row.client_id) for row in waiting}


async def count_from(session: AsyncSession, counted: dict[int, int]) -> None:
    """What is there now is new no longer."""
    for schedule_id, number in counted.items():
        await session.exec(
            update(Schedule).where(col(Schedule.id) == schedule_id).values(counted=number)
        )
