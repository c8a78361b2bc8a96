"""Read-then-write from several connections at once loses no update."""

import asyncio

from sqlmodel import select

from flywheel.db.engine import Database
from flywheel.db.models import Run

WRITERS = 4
UPDATES = 25


async def test_concurrent_updates_all_count(database: Database, database_url: str) -> None:
    databases = [Database(database_url) for _ in range(WRITERS)]
    async with database.transaction() as session:
        session.add(
            Run(uid="u", workload_id="w", status="pending", requested_by="me", config={}, seed=1)
        )

    async def add(database: Database) -> None:
        for _ in range(UPDATES):
            async with database.transaction() as session:
                run = (await session.exec(select(Run).with_for_update())).one()
                await asyncio.sleep(0)  # let the others in, if they can get in
                run.version += 1

    await asyncio.gather(*(add(database) for database in databases))
    async with database.transaction() as session:
        assert (await session.exec(select(Run))).one().version == 1 + WRITERS * UPDATES
    for other in databases:
        await other.close()
