"""Runs that the bot has yet to show in a channel, noted in the transaction that creates them."""

from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.db.models import Announcement, Run


async def announce(session: AsyncSession, run: Run, channel: str | None) -> None:
    """Show the run there; once, however often it is asked for."""
    if channel is not None and run.id is not None:
        await session.merge(Announcement(run_id=run.id, channel=channel))
