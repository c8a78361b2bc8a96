"""Shared by all tests: settings and a database in a folder of their own."""

import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from flywheel.db.engine import Database, sqlite_url
from flywheel.settings import Settings
from flywheel.settings.load import load_settings

# A PostgreSQL server to test on as well; a database is made and dropped for each test.
POSTGRES = os.environ.get("FLYWHEEL_TEST_POSTGRES_URL")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The defaults, in an empty home, with a worker that looks often and forgives little."""
    return load_settings(
        environ={
            "FLYWHEEL_HOME": str(tmp_path / "home"),
            "FLYWHEEL_WORKER_CONFIG": (
                '{"poll_seconds": 0.1, "lease_seconds": 2, "sweep_seconds": 0.5}'
            ),
        }
    )


@pytest.fixture(params=["sqlite", "postgresql"] if POSTGRES else ["sqlite"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The address of an empty database."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path / "flywheel.db")
        return
    assert POSTGRES is not None
    name = f"test_{secrets.token_hex(6)}"
    server = create_async_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    async with server.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)
    async with server.connect() as connection:
        await connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    await server.dispose()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An empty database with the schema."""
    database = Database(database_url)
    await database.migrate()
    yield database
    await database.close()
