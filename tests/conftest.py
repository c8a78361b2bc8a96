"""Shared by all tests: settings and a database in a folder of their own."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from flywheel.db.engine import Database, sqlite_url
from flywheel.settings import Settings
from tests.support.running import KeptHome, settings_of, with_two_candidates

# A PostgreSQL server to test on as well; a database is made and dropped for each test.
POSTGRES = os.environ.get("FLYWHEEL_TEST_POSTGRES_URL")


@pytest.hookimpl(wrapper=True)  # before that of pytest-xdist, which reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Tests that share a run go to one process, so that it is made once (--dist loadgroup).

    Those of the bot have their own: together they would take longer than everything else.
    """
    for item in items:
        for shared in ("kept_home", "made"):
            if shared in getattr(item, "fixturenames", ()):
                of = "bot" if "bot" in item.path.parts else "the rest"
                item.add_marker(pytest.mark.xdist_group(f"{shared} of {of}"))
    return (yield)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The defaults, in an empty home, with a worker that looks often and forgives little."""
    return settings_of(tmp_path / "home")


@pytest.fixture(scope="session")
def kept_home(tmp_path_factory: pytest.TempPathFactory) -> KeptHome:
    """A run with both candidates, which the policy recommends; tests take `completed_home`."""
    kept = KeptHome(tmp_path_factory.mktemp("completed"))
    asyncio.run(kept.make(with_two_candidates(settings_of(kept.path))))
    return kept


@pytest.fixture
def completed_home(kept_home: KeptHome) -> Path:
    """A home with the completed run r-1, as if nobody had touched it since."""
    kept_home.restore()
    return kept_home.path


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
