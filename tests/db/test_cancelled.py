"""A task that is cancelled in the middle of a statement leaves the database to the others."""

import asyncio
import gc
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from flywheel.db.engine import Database, sqlite_url

SECONDS = 10  # SQLite itself would wait for 30


@pytest.fixture
def no_collection() -> Iterator[None]:
    """What is left over stays, as it may for long."""
    gc.disable()
    yield
    gc.enable()


async def ask(database: Database, query: str) -> None:
    async with database.transaction() as session:
        await (await session.connection()).execute(text(query))


async def test_a_cancelled_statement_keeps_no_lock(no_collection: None, tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "flywheel.db"))
    for _ in range(3):
        slow = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 1000000) "
        task = asyncio.create_task(ask(database, f"{slow} SELECT sum(x) FROM n"))
        await asyncio.sleep(0.05)  # it takes some tenths
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(ask(database, "SELECT 1"), SECONDS)
    await database.close()


async def test_nor_does_one_that_is_cancelled_at_any_moment(
    no_collection: None, tmp_path: Path
) -> None:
    database = Database(sqlite_url(tmp_path / "flywheel.db"))
    moments = random.Random(1)

    async def on_and_on() -> None:
        while True:
            await ask(database, "SELECT 1")

    for _ in range(100):
        task = asyncio.create_task(on_and_on())
        await asyncio.sleep(moments.random() / 100)
        task.cancel()
        async with asyncio.timeout(SECONDS):
            with pytest.raises(asyncio.CancelledError):
                await task
            await ask(database, "SELECT 1")
    await database.close()
