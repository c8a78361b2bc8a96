"""Keeps deliveries in the database: many in one transaction, since many come at once."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, delete, select

from bot.inbox.delivery import Delivery
from bot.models import SlackDelivery
from flywheel.clock import happens, utc_now
from flywheel.db.engine import Database
from flywheel.errors import DatabaseUnavailableError

log = logging.getLogger(__name__)

_TOGETHER = 500  # rows in one transaction
_ENOUGH = 50  # done, not to let them wait any longer
_GATHER = 0.1  # seconds that what is done may wait for more of it
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0  # seconds between two tries where the database is away


class Keeper:
    """Rows of deliveries, written by one task.

    `owner` names this process, `scope` the workspace: a console's deliveries end with it.
    """

    def __init__(self, database: Database, owner: str, scope: str, lease: timedelta) -> None:
        self._database = database
        self._owner = owner
        self._scope = scope
        self._lease = lease
        self._new: list[Delivery] = []
        self._done: list[str] = []
        self._task: asyncio.Task[None] | None = None
        self._arrived = asyncio.Event()

    def keep(self, delivery: Delivery) -> None:
        """Store it soon; its future then says whether this process is the first to have it."""
        self._new.append(delivery)
        self._arrived.set()
        self._wake()

    def done(self, key: str) -> None:
        """Nothing is left to do for it."""
        self._done.append(key)
        self._wake()

    async def flush(self) -> None:
        """Wait until all of it is stored."""
        while self._task is not None and not self._task.done():
            await asyncio.wait({self._task})

    def abandon(self) -> None:
        """Stop trying."""
        if self._task is not None:
            self._task.cancel()

    async def renew(self) -> None:
        """Say that this process still works on what is its own."""
        async with self._database.transaction() as session:
            await session.exec(
                update(SlackDelivery)
                .where(
                    col(SlackDelivery.owner) == self._owner, col(SlackDelivery.done_at).is_(None)
                )
                .values(lease_until=utc_now() + self._lease)
                .execution_options(synchronize_session=False)
            )

    async def release(self) -> None:
        """Let another process have what this one has not done."""
        async with self._database.transaction() as session:
            await session.exec(
                update(SlackDelivery)
                .where(
                    col(SlackDelivery.owner) == self._owner, col(SlackDelivery.done_at).is_(None)
                )
                .values(lease_until=utc_now() - timedelta(seconds=1))
                .execution_options(synchronize_session=False)
            )

    async def orphans(self, limit: int) -> list[Delivery]:
        """What dead processes have left, now this process's own, the oldest first."""
        now = utc_now()
        left = (
            col(SlackDelivery.scope) == self._scope,
            col(SlackDelivery.done_at).is_(None),
            col(SlackDelivery.lease_until) < now,
        )
        oldest = (
            select(SlackDelivery.key)
            .where(*left)
            .order_by(col(SlackDelivery.received_at))
            .limit(limit)
        )
        taking = (
            update(SlackDelivery)
            .where(col(SlackDelivery.key).in_(oldest), *left)
            .values(owner=self._owner, lease_until=now + self._lease)
            .returning(SlackDelivery)
            .execution_options(synchronize_session=False)
        )
        async with self._database.transaction() as session:
            rows = list((await session.exec(taking)).scalars().all())
        found = []
        for row in sorted(rows, key=lambda row: row.received_at):
            delivery = Delivery(row.key, row.route, row.body or {}, row.received_at, again=True)
            delivery.mine.set_result(True)
            found.append(delivery)
        return found

    async def forget(self, before: datetime) -> None:
        """Drop what was received before then: Slack does not repeat it any more."""
        async with self._database.transaction() as session:
            await session.exec(delete(SlackDelivery).where(col(SlackDelivery.received_at) < before))

    def _wake(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write(), name="inbox")

    async def _write(self) -> None:
        pause = _FIRST_PAUSE
        while self._new or self._done:
            if not self._new:
                await happens(self._arrived, _GATHER)
            self._arrived.clear()
            new = self._new[:_TOGETHER]
            # What is done waits while others wait for their acknowledgement.
            done = self._done[:_TOGETHER] if not new or len(self._done) >= _ENOUGH else []
            try:
                mine = await self._store(new, done)
            except DatabaseUnavailableError as error:
                if pause == _FIRST_PAUSE:
                    log.warning("deliveries wait for the database: %s", error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            except Exception as error:
                log.exception("deliveries could not be stored")
                del self._new[: len(new)], self._done[: len(done)]
                for delivery in new:
                    delivery.mine.set_exception(error)
                continue
            pause = _FIRST_PAUSE
            del self._new[: len(new)], self._done[: len(done)]
            for delivery in new:
                delivery.mine.set_result(delivery.key in mine)

    async def _store(self, new: Sequence[Delivery], done: Sequence[str]) -> set[str]:
        """Write both; the keys that are this process's own."""
        now = utc_now()
        rows = [
            {
                "key": delivery.key,
                "route": delivery.route,
                "scope": self._scope,
                "body": delivery.body,
                "owner": self._owner,
                "received_at": delivery.received_at,
                "lease_until": now + self._lease,
            }
            for delivery in new
        ]
        async with self._database.transaction() as session:
            mine = set()
            if rows:
                connection = await session.connection()
                mine = set((await connection.execute(self._insert(), rows)).scalars())
                # A commit whose answer got lost is made again: those rows are there, and ours.
                others = [d.key for d in new if d.key not in mine]
                if others:
                    query = select(SlackDelivery.key).where(
                        col(SlackDelivery.key).in_(others), SlackDelivery.owner == self._owner
                    )
                    mine.update(await session.exec(query))
            if done:
                await session.exec(
                    update(SlackDelivery)
                    .where(col(SlackDelivery.key).in_(done))
                    .values(done_at=now, body=None)
                    .execution_options(synchronize_session=False)
                )
        return mine

    def _insert(self) -> Any:
        """One statement for any number of rows: to compile one takes longer than to run it."""
        dialect = sqlite if self._database.is_sqlite else postgresql
        return (
            dialect.insert(SlackDelivery)
            .on_conflict_do_nothing(index_elements=["key"])
            .returning(col(SlackDelivery.key))
        )
