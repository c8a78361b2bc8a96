"""What is sent once: claimed by one process before it is sent, confirmed after."""

from datetime import timedelta

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, delete

from bot.models import SlackNotice
from flywheel.clock import utc_now
from flywheel.db.engine import Database


class Claims:
    """Rows of SlackNotice; every claim is won by exactly one process."""

    def __init__(self, database: Database, claim_seconds: float) -> None:
        self._database = database
        self.age = timedelta(seconds=claim_seconds)  # from which on another process may have it

    async def find(self, key: str) -> SlackNotice | None:
        """The claim, confirmed or not."""
        async with self._database.reading() as session:
            return await session.get(SlackNotice, key)

    async def take(self, key: str, to: str) -> bool:
        """Claim what nobody has claimed; False where somebody has."""
        try:
            async with self._database.transaction() as session:
                session.add(SlackNotice(key=key, sent_to=to))
        except IntegrityError:
            return False
        return True

    async def take_over(self, row: SlackNotice) -> bool:
        """Take a claim that was not confirmed in time; False where it was, or still may be."""
        now = utc_now()
        async with self._database.transaction() as session:
            taken = await session.exec(
                update(SlackNotice)
                .where(
                    col(SlackNotice.key) == row.key,
                    col(SlackNotice.state) == "claimed",
                    col(SlackNotice.claimed_at) <= now - self.age,
                )
                .values(claimed_at=now)
                .returning(col(SlackNotice.key))
                .execution_options(synchronize_session=False)
            )
            return taken.scalar_one_or_none() is not None

    async def confirm(self, key: str, ts: str | None) -> None:
        """It is sent, or will never be."""
        async with self._database.transaction() as session:
            await session.exec(
                update(SlackNotice)
                .where(col(SlackNotice.key) == key)
                .values(state="sent", ts=ts)
                .execution_options(synchronize_session=False)
            )

    async def release(self, key: str) -> None:
        """Give a claim back: it was not sent."""
        async with self._database.transaction() as session:
            await session.exec(delete(SlackNotice).where(col(SlackNotice.key) == key))
