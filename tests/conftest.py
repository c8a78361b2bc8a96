"""Shared by all tests: settings and a database in a folder of their own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from flywheel.db.engine import Database, sqlite_url
from flywheel.settings import Settings
from flywheel.settings.load import load_settings


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


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database with the schema."""
    database = Database(sqlite_url(tmp_path / "flywheel.db"))
    await database.migrate()
    yield database
    await database.close()
