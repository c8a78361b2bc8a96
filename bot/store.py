"""The rows that say which Slack message shows what."""

from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, delete, select

from bot.models import SlackCard, SlackPost
from flywheel.clock import utc_now
from flywheel.db.engine import Database

CONSOLE = "console-"  # what the channels of consoles are called; they end with their session


class Store:
    """Cards and posts; every claim is won by exactly one process.

    Slack and every console have messages of their own: a store sees those in the channels whose
    ids start with `workspace`, or all that are no console's where that is None.
    """

    def __init__(self, database: Database, workspace: str | None = None) -> None:
        self._database = database
        self._ours = (
            ~col(SlackCard.channel).startswith(CONSOLE, autoescape=True)
            if workspace is None
            else col(SlackCard.channel).startswith(workspace, autoescape=True)
        )

    async def claim_card(self, run_id: int, channel: str) -> bool:
        """Note that a run's card is about to be posted; False where it has one."""
        try:
            async with self._database.transaction() as session:
                session.add(SlackCard(run_id=run_id, channel=channel))
        except IntegrityError:
            return False
        return True

    async def reclaim_card(self, card: SlackCard, older_than: timedelta) -> bool:
        """Take over a card that was claimed, but not confirmed, at least `older_than` ago."""
        now = utc_now()
        async with self._database.transaction() as session:
            taken = await session.exec(
                update(SlackCard)
                .where(
                    col(SlackCard.run_id) == card.run_id,
                    col(SlackCard.ts).is_(None),
                    col(SlackCard.shown_at) <= now - older_than,
                )
                .values(shown_at=now)
                .returning(col(SlackCard.run_id))
                .execution_options(synchronize_session=False)
            )
            return taken.scalar_one_or_none() is not None

    async def card_posted(self, run_id: int, ts: str) -> None:
        """Slack has confirmed the card."""
        await self._update_card(run_id, ts=ts, shown_at=utc_now())

    async def card_edited(self, run_id: int, shown_at: datetime) -> None:
        """The card was edited; the next edit waits."""
        await self._update_card(run_id, shown_at=shown_at)

    async def shown(self, run_id: int, version: int, final: bool) -> None:
        """Everything up to `version` is in Slack."""
        await self._update_card(run_id, shown_version=version, final=final)

    async def card(self, run_id: int) -> SlackCard | None:
        """The card of a run."""
        async with self._database.reading() as session:
            return await session.get(SlackCard, run_id)

    async def newest_cards(self, limit: int) -> list[SlackCard]:
        """The cards of the newest runs, oldest run first."""
        query = (
            select(SlackCard).where(self._ours).order_by(col(SlackCard.run_id).desc()).limit(limit)
        )
        async with self._database.reading() as session:
            return list(await session.exec(query))[::-1]

    async def card_at(self, channel: str, ts: str) -> SlackCard | None:
        """The card that is this message."""
        query = select(SlackCard).where(SlackCard.channel == channel, SlackCard.ts == ts)
        async with self._database.reading() as session:
            return (await session.exec(query)).first()

    async def forget(self, run_id: int) -> None:
        """Drop the rows of a run that was deleted."""
        async with self._database.transaction() as session:
            await session.exec(delete(SlackPost).where(col(SlackPost.run_id) == run_id))
            await session.exec(delete(SlackCard).where(col(SlackCard.run_id) == run_id))

    async def clear(self) -> None:
        """Drop the rows of this workspace: its messages are gone with it."""
        mine = select(SlackCard.run_id).where(self._ours)
        async with self._database.transaction() as session:
            await session.exec(delete(SlackPost).where(col(SlackPost.run_id).in_(mine)))
            await session.exec(delete(SlackCard).where(self._ours))

    async def posts(self, run_id: int) -> dict[int, SlackPost]:
        """The posts of a run by event id."""
        query = select(SlackPost).where(SlackPost.run_id == run_id)
        async with self._database.reading() as session:
            return {post.event_id: post for post in await session.exec(query)}

    async def claim_post(self, event_id: int, run_id: int, channel: str) -> bool:
        """Note that an event is about to be posted; False where somebody else does it."""
        try:
            async with self._database.transaction() as session:
                session.add(SlackPost(event_id=event_id, run_id=run_id, channel=channel))
        except IntegrityError:
            return False
        return True

    async def reclaim_post(self, post: SlackPost, older_than: timedelta) -> bool:
        """Take over an event that was claimed, but not confirmed, at least `older_than` ago."""
        now = utc_now()
        async with self._database.transaction() as session:
            taken = await session.exec(
                update(SlackPost)
                .where(
                    col(SlackPost.event_id) == post.event_id,
                    col(SlackPost.state) == "claimed",
                    col(SlackPost.claimed_at) <= now - older_than,
                )
                .values(claimed_at=now)
                .returning(col(SlackPost.event_id))
                .execution_options(synchronize_session=False)
            )
            return taken.scalar_one_or_none() is not None

    async def posted(self, event_id: int, ts: str | None) -> None:
        """The event is in Slack (or has no message of its own, where `ts` is None)."""
        async with self._database.transaction() as session:
            await session.exec(
                update(SlackPost)
                .where(col(SlackPost.event_id) == event_id)
                .values(state="posted", ts=ts)
                .execution_options(synchronize_session=False)
            )

    async def release_post(self, event_id: int) -> None:
        """Give a claim back: Slack has refused the message, so it is not there."""
        async with self._database.transaction() as session:
            await session.exec(
                delete(SlackPost).where(
                    col(SlackPost.event_id) == event_id, col(SlackPost.state) == "claimed"
                )
            )

    async def _update_card(self, run_id: int, **values: str | int | bool | datetime) -> None:
        async with self._database.transaction() as session:
            await session.exec(
                update(SlackCard)
                .where(col(SlackCard.run_id) == run_id)
                .values(**values)
                .execution_options(synchronize_session=False)
            )
