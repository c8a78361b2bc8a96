"""The rows that say which Slack message shows what."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, delete, select

from bot.models import SlackCard, SlackPost
from bot.refusals import GIVEN_UP
from flywheel.clock import utc_now
from flywheel.db.engine import Database
from flywheel.db.models import Announcement, Schedule

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
CONSOLE = "console-"  # what the channels of consoles are called; they end with their session


class Store:
    """Cards and posts; every claim is won by exactly one process.

    Slack and every console have messages of their own: a store sees those in the channels whose
    ids start with `workspace`, or all that are no console's where that is None.
    """

    def __init__(self, database: Database, workspace: str | None = None) -> None:
        self._database = database
        self._workspace = workspace

    async def claim_card(self, run_id: int, channel: str) -> bool:
        """Note that a run's card is about to be posted there; False where it has one.

        Either way there is nothing left to announce.
        """
        announced = delete(Announcement).where(
            col(Announcement.run_id) == run_id, col(Announcement.channel) == channel
        )
        try:
            async with self._database.transaction() as session:
                session.add(SlackCard(run_id=run_id, channel=channel))
                await session.exec(announced)
        except IntegrityError:
            async with self._database.transaction() as session:
                await session.exec(announced)
            return False
        return True

    async def unannounced(self) -> list[Announcement]:
        """The runs that have yet to be shown in a channel of this workspace, the oldest first."""
        query = (
            select(Announcement)
            .where(self._is_ours(col(Announcement.channel)))
            .order_by(col(Announcement.run_id))
        )
        async with self._database.reading() as session:
            return list(await session.exec(query))

    async def drop_announcement(self, announcement: Announcement) -> None:
        """It is too late to show the run there."""
        async with self._database.transaction() as session:
            await session.exec(
                delete(Announcement).where(
                    col(Announcement.run_id) == announcement.run_id,
                    col(Announcement.channel) == announcement.channel,
                )
            )

    async def reclaim_card(self, card: SlackCard, older_than: timedelta) -> bool:
        """Take over a card that was claimed, but not confirmed, at least `older_than` ago."""
        now = utc_now()
        async with self._database.transaction() as session:
            taken = await session.exec(
                update(SlackCard)
                .where(
                    *_same(card),
                    col(SlackCard.ts).is_(None),
                    col(SlackCard.shown_at) <= now - older_than,
                )
                .values(shown_at=now)
                .returning(col(SlackCard.run_id))
                .execution_options(synchronize_session=False)
            )
            return taken.scalar_one_or_none() is not None

    async def doubt_card(self, run_id: int, channel: str) -> None:
        """Whether it is there is not known: from now on it may be looked for, and posted."""
        card = SlackCard(run_id=run_id, channel=channel)
        await self._update_card(card, shown_at=LONG_AGO)

    async def note_trouble(self, run_id: int, channel: str, code: str) -> None:
        """Slack shows nothing of the run there now; '' where it does again."""
        await self._update_card(SlackCard(run_id=run_id, channel=channel), trouble=code)

    async def troubled(self) -> list[SlackCard]:
        """Cards of this workspace that Slack does not show now."""
        query = select(SlackCard).where(
            self._is_ours(col(SlackCard.channel)), col(SlackCard.trouble) != ""
        )
        async with self._database.reading() as session:
            return list(await session.exec(query))

    async def card_posted(self, run_id: int, channel: str, ts: str) -> None:
        """Slack has confirmed the card."""
        card = SlackCard(run_id=run_id, channel=channel)
        await self._update_card(card, ts=ts, shown_at=utc_now(), trouble="")

    async def card_edited(self, card: SlackCard, shown_at: datetime) -> None:
        """The card was edited; the next edit waits."""
        await self._update_card(card, shown_at=shown_at)

    async def shown(self, card: SlackCard, version: int, final: bool) -> None:
        """Everything up to `version` is in Slack."""
        await self._update_card(card, shown_version=version, final=final)

    async def cards(self, run_id: int) -> list[SlackCard]:
        """The cards of a run, by channel."""
        query = select(SlackCard).where(SlackCard.run_id == run_id).order_by(SlackCard.channel)
        async with self._database.reading() as session:
            return list(await session.exec(query))

    async def untold(self) -> list[SlackCard]:
        """Cards of this workspace whose run may have ended without word to whoever asked for it."""
        query = (
            select(SlackCard)
            .where(
                self._is_ours(col(SlackCard.channel)),
                col(SlackCard.final).is_(True) | col(SlackCard.trouble).in_(GIVEN_UP),
                col(SlackCard.told).is_(False),
            )
            .order_by(col(SlackCard.run_id), col(SlackCard.channel))
        )
        async with self._database.reading() as session:
            return list(await session.exec(query))

    async def ended_since(self, moment: datetime) -> list[SlackCard]:
        """Cards of this workspace that have shown the end of their run since then."""
        query = (
            select(SlackCard)
            .where(
                self._is_ours(col(SlackCard.channel)),
                col(SlackCard.final).is_(True),
                col(SlackCard.ts).is_not(None),
                col(SlackCard.shown_at) >= moment,
            )
            .order_by(col(SlackCard.run_id), col(SlackCard.channel))
        )
        async with self._database.reading() as session:
            return list(await session.exec(query))

    async def told(self, run_id: int) -> None:
        """Whoever asked for the run knows how it ended, or need not be told."""
        async with self._database.transaction() as session:
            await session.exec(
                update(SlackCard)
                .where(col(SlackCard.run_id) == run_id, self._is_ours(col(SlackCard.channel)))
                .values(told=True)
                .execution_options(synchronize_session=False)
            )

    async def newest_cards(self, limit: int) -> list[SlackCard]:
        """The cards of the newest runs, oldest run first; none that is given up."""
        query = (
            select(SlackCard)
            .where(self._is_ours(col(SlackCard.channel)), col(SlackCard.trouble).not_in(GIVEN_UP))
            .order_by(col(SlackCard.run_id).desc(), col(SlackCard.channel))
            .limit(limit)
        )
        async with self._database.reading() as session:
            return list(await session.exec(query))[::-1]

    async def card_at(self, channel: str, ts: str) -> SlackCard | None:
        """The card that is this message."""
        query = select(SlackCard).where(SlackCard.channel == channel, SlackCard.ts == ts)
        async with self._database.reading() as session:
            return (await session.exec(query)).first()

    async def forget(self, card: SlackCard) -> None:
        """Drop what a channel shows of a run."""
        async with self._database.transaction() as session:
            await session.exec(
                delete(SlackPost).where(
                    col(SlackPost.run_id) == card.run_id, col(SlackPost.channel) == card.channel
                )
            )
            await session.exec(delete(SlackCard).where(*_same(card)))

    async def clear(self) -> None:
        """Drop the rows of this workspace: its messages are gone with it.

        Its schedules go on; the next console shows their runs.
        """
        async with self._database.transaction() as session:
            for table in (SlackPost, SlackCard, Announcement):
                await session.exec(delete(table).where(self._is_ours(col(table.channel))))
            await session.exec(
                update(Schedule)
                .where(self._is_ours(col(Schedule.channel)))
                .values(channel=CONSOLE)
                .execution_options(synchronize_session=False)
            )

    async def adopt(self, channel: str) -> None:
        """Show there what consoles that have ended would have shown."""
        async with self._database.transaction() as session:
            for table in (Schedule, Announcement):
                await session.exec(
                    update(table)
                    .where(col(table.channel) == CONSOLE)
                    .values(channel=channel)
                    .execution_options(synchronize_session=False)
                )

    async def posts(self, card: SlackCard) -> dict[int, SlackPost]:
        """What of a run was posted in the thread of its card, by event id."""
        query = select(SlackPost).where(
            SlackPost.run_id == card.run_id, SlackPost.channel == card.channel
        )
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
                    col(SlackPost.channel) == post.channel,
                    col(SlackPost.state) == "claimed",
                    col(SlackPost.claimed_at) <= now - older_than,
                )
                .values(claimed_at=now)
                .returning(col(SlackPost.event_id))
                .execution_options(synchronize_session=False)
            )
            return taken.scalar_one_or_none() is not None

    async def posted(self, event_id: int, channel: str, ts: str | None) -> None:
        """The event is in Slack (or has no message of its own, where `ts` is None)."""
        async with self._database.transaction() as session:
            await session.exec(
                update(SlackPost)
                .where(col(SlackPost.event_id) == event_id, col(SlackPost.channel) == channel)
                .values(state="posted", ts=ts)
                .execution_options(synchronize_session=False)
            )

    async def doubt_post(self, event_id: int, channel: str) -> None:
        """Whether it is there is not known: from now on it may be looked for, and posted."""
        async with self._database.transaction() as session:
            await session.exec(
                update(SlackPost)
                .where(
                    col(SlackPost.event_id) == event_id,
                    col(SlackPost.channel) == channel,
                    col(SlackPost.state) == "claimed",
                )
                .values(claimed_at=LONG_AGO)
                .execution_options(synchronize_session=False)
            )

    async def release_post(self, event_id: int, channel: str) -> None:
        """Give a claim back: Slack has refused the message, so it is not there."""
        async with self._database.transaction() as session:
            await session.exec(
                delete(SlackPost).where(
                    col(SlackPost.event_id) == event_id,
                    col(SlackPost.channel) == channel,
                    col(SlackPost.state) == "claimed",
                )
            )

    async def _update_card(self, card: SlackCard, **values: str | int | bool | datetime) -> None:
        async with self._database.transaction() as session:
            await session.exec(
                update(SlackCard)
                .where(*_same(card))
                .values(**values)
                .execution_options(synchronize_session=False)
            )

    def _is_ours(self, channel: Any) -> Any:
        if self._workspace is None:
            return ~channel.startswith(CONSOLE, autoescape=True)
        return channel.startswith(self._workspace, autoescape=True)


def _same(card: SlackCard) -> tuple[Any, Any]:
    return col(SlackCard.run_id) == card.run_id, col(SlackCard.channel) == card.channel
