"""Read-then-write from several connections at once loses no update."""

import asyncio
from pathlib import Path

from sqlmodel import select

from flywheel.db.engine import Database, sqlite_url
from flywheel.db.models import Run

WRITERS = 4
UPDATES = 25


async def test_concurrent_updates_all_count(tmp_path: Path) -> None:
    databases = [Database(sqlite_url(tmp_path / "flywheel.db")) for _ in range(WRITERS)]
    await databases[0].migrate()
    async with databases[0].transaction() as session:
        session.add(
            Run(uid="u", workload_id="w", status="pending", requested_by="me", config={}, seed=1)
        )

    async def add(database: Database) -> None:
        for _ in range(UPDATES):
            async with database.transaction() as session:
                run = (await session.exec(select(Run))).one()
                await asyncio.sleep(0)  # let the others in, if they can get in
                run.version += 1

    await asyncio.gather(*(add(database) for database in databases))
    async with databases[0].transaction() as session:
        assert (await session.exec(select(Run))).one().version == 1 + WRITERS * UPDATES
    for database in databases:
        await database.close()
