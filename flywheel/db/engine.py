"""The database: SQLite (WAL) by default, PostgreSQL by setting."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.errors import UnavailableError

MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """One engine, transactions, and the migrations that make the schema."""

    def __init__(self, url: str) -> None:
        self._engine = _create_engine(url)
        self.is_sqlite = self._engine.dialect.name == "sqlite"

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session in one transaction: committed at the end, rolled back on an exception."""
        async with AsyncSession(self._engine, expire_on_commit=False) as session, session.begin():
            yield session

    async def migrate(self) -> None:
        """Bring the schema to the newest version. Safe to call from several processes."""
        async with self._engine.begin() as connection:
            if not self.is_sqlite:  # SQLite's BEGIN IMMEDIATE already lets one in at a time
                await connection.execute(text("SELECT pg_advisory_xact_lock(4207849484)"))
            await connection.run_sync(_upgrade)

    async def ping(self) -> str:
        """Which server answers. Raises UnavailableError where none does."""
        try:
            async with self._engine.connect() as connection:
                query = "SELECT sqlite_version()" if self.is_sqlite else "SHOW server_version"
                version = (await connection.execute(text(query))).scalar_one()
        except (OSError, OperationalError) as error:
            raise UnavailableError(
                "The database does not answer.", "Check FLYWHEEL_DATABASE_URL."
            ) from error
        return f"{'SQLite' if self.is_sqlite else 'PostgreSQL'} {version}"

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


def sqlite_url(path: Path) -> str:
    """The address of the SQLite database at `path`; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return f"sqlite+aiosqlite:///{path}"


def _create_engine(url: str) -> AsyncEngine:
    if not url.startswith("sqlite"):
        return create_async_engine(url, pool_pre_ping=True)
    # The driver's own BEGIN is deferred: two processes that read, then write lose updates.
    engine = create_async_engine(url, connect_args={"isolation_level": None, "timeout": 30})
    _begin_immediate(engine.sync_engine)
    return engine


def _begin_immediate(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
