"""The database: SQLite (WAL) by default, PostgreSQL by setting."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, event, make_url, text
from sqlalchemy.exc import DatabaseError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.errors import ConflictError, DatabaseUnavailableError, SettingsError
from flywheel.sqlite import use_wal

MIGRATIONS = Path(__file__).parent / "migrations"
_READS = "flywheel_reads"  # option of a connection


class Database:
    """One engine, transactions, and the migrations that make the schema.

    Raises SettingsError for an address that cannot be used.
    """

    def __init__(self, url: str) -> None:
        self._engine = _create_engine(url)
        self._reading = self._engine.execution_options(**{_READS: True})
        self.is_sqlite = self._engine.dialect.name == "sqlite"

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session in one transaction: committed at the end, rolled back on an exception.

        Raises DatabaseUnavailableError where the database does not answer.
        """
        with self._sentences():
            session = AsyncSession(self._engine, expire_on_commit=False)
            try:
                async with session.begin():
                    yield session
            finally:
                await _to_its_end(session.close())

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session that sees one state of the database and holds up no writer.

        What it changes is not kept. Raises DatabaseUnavailableError.
        """
        with self._sentences():
            session = AsyncSession(self._reading, expire_on_commit=False, autoflush=False)
            try:
                yield session
            finally:
                await _to_its_end(session.close())

    async def lock(self, session: AsyncSession, what: str) -> None:
        """Let one transaction at a time go on from here, until it ends.

        SQLite does so for every transaction.
        """
        if not self.is_sqlite:
            lock = text("SELECT pg_advisory_xact_lock(hashtext(:what))")
            await (await session.connection()).execute(lock, {"what": what})

    async def migrate(self) -> None:
        """Bring the schema to the newest version. Safe to call from several processes.

        Raises DatabaseUnavailableError, and ConflictError where the schema is of a later flywheel.
        """
        with self._sentences():
            await self._migrate()

    async def _migrate(self) -> None:
        async with self._engine.begin() as connection:
            if not self.is_sqlite:  # SQLite's BEGIN IMMEDIATE already lets one in at a time
                await connection.execute(text("SELECT pg_advisory_xact_lock(4207849484)"))
            await connection.run_sync(_upgrade)

    async def ping(self) -> str:
        """Which server answers. Raises DatabaseUnavailableError where none does."""
        with self._sentences():
            async with self._engine.connect() as connection:
                query = "SELECT sqlite_version()" if self.is_sqlite else "SHOW server_version"
                version = (await connection.execute(text(query))).scalar_one()
        return f"{'SQLite' if self.is_sqlite else 'PostgreSQL'} {version}"

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        """What the driver says of a database that does not answer, as DatabaseUnavailableError."""
        try:
            yield
        except DatabaseError as error:
            if _is_ours(error):
                raise
            raise self._unavailable(error) from error
        except InterfaceError as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: DatabaseError | InterfaceError) -> DatabaseUnavailableError:
        said = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
        return DatabaseUnavailableError(
            f"The database cannot be used: {said[0].rstrip('.')}.",
            "Check FLYWHEEL_HOME, its permissions and the space on its disk."
            if self.is_sqlite
            else "Check FLYWHEEL_DATABASE_URL, and that its server runs.",
        )


def sqlite_url(path: Path) -> str:
    """The address of the SQLite database at `path`; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return f"sqlite+aiosqlite:///{path}"


async def _to_its_end(closing: Coroutine[Any, Any, None]) -> None:
    """Wait for it even when cancelled: a connection left half closed keeps its lock and thread."""
    task = asyncio.create_task(closing)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    task.result()


def _is_ours(error: DatabaseError) -> bool:
    """Whether a statement of ours is wrong or breaks a constraint; that is for its author."""
    if error.statement is None:  # it came while connecting
        return False
    if isinstance(error, OperationalError):  # SQLite's word for wrong SQL, among others
        return getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
    return type(error) is not DatabaseError


def _create_engine(url: str) -> AsyncEngine:
    """Raises SettingsError; the address may hold a password, so nothing of it is repeated."""
    try:
        if make_url(url).get_backend_name() != "sqlite":
            return create_async_engine(url, pool_pre_ping=True)
        # The driver's own BEGIN is deferred: two processes that read, then write lose updates.
        options = {"isolation_level": None, "timeout": 30, "factory": _SqliteConnection}
        engine = create_async_engine(url, connect_args=options)
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"FLYWHEEL_DATABASE_URL needs the package {error.name}, which is not installed.",
            "For PostgreSQL: pip install 'flywheel[postgres]'. Other databases are not supported.",
        ) from None
    except (SQLAlchemyError, ValueError):
        raise SettingsError(
            "FLYWHEEL_DATABASE_URL is not the address of a database that flywheel can use.",
            "It looks like postgresql://USER:PASSWORD@HOST:5432/NAME; in the password, @ is "
            "written %40, : is %3A and / is %2F.",
        ) from None
    _begin_immediate(engine.sync_engine)
    return engine


class _SqliteConnection(sqlite3.Connection):
    def close(self) -> None:
        """Give back the lock first.

        Where a task is cancelled, a statement may be left open. The connection closes with the
        last of them only, when garbage is collected, and would keep its lock until then.
        """
        with contextlib.suppress(sqlite3.Error):
            self.rollback()
        super().close()


def _begin_immediate(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        use_wal(cursor)
        for pragma in ("synchronous=NORMAL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get(_READS)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise ConflictError(
            "The database was made by a later version of flywheel than this one.",
            "Upgrade flywheel, or use another FLYWHEEL_HOME or FLYWHEEL_DATABASE_URL.",
        ) from error
