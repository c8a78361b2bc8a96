"""The log on this machine: SQLite in WAL mode, written and read by several processes at once."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from flywheel.clock import from_epoch
from flywheel.errors import UnavailableError
from flywheel.ports.logs import Selection, StoredRecord, WorkloadSummary
from flywheel.sqlite import use_wal

_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
    id INTEGER PRIMARY KEY,
    record_id BLOB NOT NULL UNIQUE,
    timestamp REAL NOT NULL,
    workload TEXT NOT NULL,
    client TEXT NOT NULL,
    answer TEXT NOT NULL,
    body BLOB NOT NULL
);
-- Serves the newest-first reading; the client is in it so that other clients' rows are skipped
-- without being fetched.
CREATE INDEX IF NOT EXISTS newest ON record (workload, timestamp, id, client);
-- Serves the summaries, without a look at the bodies.
CREATE INDEX IF NOT EXISTS answers ON record (workload, client, answer, timestamp);
"""
_WAIT_SECONDS = 60.0
_NEWEST = (float("inf"), 0)

_Row = tuple[float, int, bytes]


class LocalLogStore:
    """Records in one SQLite file. Every method raises UnavailableError where it cannot be used."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def append(self, records: Sequence[StoredRecord]) -> int:
        """Store records in one transaction; returns the number that were new."""
        return await asyncio.to_thread(self._append, records)

    async def stream(
        self, selection: Selection, batch_size: int = 2000
    ) -> AsyncIterator[list[bytes]]:
        """The bodies, newest first; read page by page, so nothing is locked in between."""
        left = selection.limit
        after = _NEWEST
        while left is None or left > 0:
            size = batch_size if left is None else min(batch_size, left)
            rows = await asyncio.to_thread(self._page, selection, after, size)
            if not rows:
                return
            after = rows[-1][:2]
            left = None if left is None else left - len(rows)
            yield [body for _, _, body in rows]

    async def count(self, selection: Selection) -> int:
        """How many records the selection holds."""
        return await asyncio.to_thread(self._count, selection)

    async def workloads(self) -> list[WorkloadSummary]:
        """One summary per workload and client."""
        return await asyncio.to_thread(self._workloads)

    async def ping(self) -> str:
        """SQLite's version and how much is stored."""
        return await asyncio.to_thread(self._ping)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """A connection for one piece of work, the schema made where it is not there yet."""
        connection = None
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, timeout=_WAIT_SECONDS, isolation_level=None)
            use_wal(connection.cursor())
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.executescript(_SCHEMA)
            yield connection
        except (sqlite3.Error, OSError) as error:
            raise UnavailableError(
                f"The log at {self._path} cannot be used: {error}.",
                "Check FLYWHEEL_HOME, its permissions and the space on its disk.",
            ) from error
        finally:
            if connection is not None:
                connection.close()  # what is not committed is rolled back

    def _append(self, records: Sequence[StoredRecord]) -> int:
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            before = connection.total_changes
            connection.executemany(
                "INSERT INTO record (record_id, timestamp, workload, client, answer, body)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (record_id) DO NOTHING",
                [(bytes.fromhex(record.record_id), *record[1:]) for record in records],
            )
            added = connection.total_changes - before
            connection.execute("COMMIT")
        return added

    def _page(self, selection: Selection, after: tuple[float, int], size: int) -> list[_Row]:
        where, values = _where(selection)
        query = (
            f"SELECT timestamp, id, body FROM record WHERE {where} AND (timestamp, id) < (?, ?)"  # noqa: S608 - fixed text
            " ORDER BY timestamp DESC, id DESC LIMIT ?"
        )
        with self._connection() as connection:
            return connection.execute(query, (*values, *after, size)).fetchall()

    def _count(self, selection: Selection) -> int:
        where, values = _where(selection)
        limit = -1 if selection.limit is None else selection.limit
        query = f"SELECT count(*) FROM (SELECT 1 FROM record WHERE {where} LIMIT ?)"  # noqa: S608
        with self._connection() as connection:
            return int(connection.execute(query, (*values, limit)).fetchone()[0])

    def _workloads(self) -> list[WorkloadSummary]:
        query = (
            "SELECT workload, client, answer, count(*), min(timestamp), max(timestamp)"
            " FROM record GROUP BY workload, client, answer ORDER BY workload, client,"
            " count(*) DESC, answer"
        )
        with self._connection() as connection:
            rows = connection.execute(query).fetchall()
        summaries: dict[tuple[str, str], WorkloadSummary] = {}
        for workload, client, answer, records, first, last in rows:
            summary = summaries.setdefault(
                (workload, client),
                WorkloadSummary(
                    workload_id=workload,
                    client_id=client,
                    records=0,
                    first=from_epoch(first),
                    last=from_epoch(last),
                    answers={},
                ),
            )
            summary.records += records
            summary.first = min(summary.first, from_epoch(first))
            summary.last = max(summary.last, from_epoch(last))
            if answer:
                summary.answers[answer] = records
        return list(summaries.values())

    def _ping(self) -> str:
        with self._connection() as connection:
            records = connection.execute("SELECT count(*) FROM record").fetchone()[0]
        return f"SQLite {sqlite3.sqlite_version}, {records:,} records"


def _where(selection: Selection) -> tuple[str, list[str | float]]:
    where = ["workload = ?"]
    values: list[str | float] = [selection.workload_id]
    if selection.client_id is not None:
        where.append("client = ?")
        values.append(selection.client_id)
    if selection.since is not None:
        where.append("timestamp >= ?")
        values.append(selection.since.timestamp())
    return " AND ".join(where), values
