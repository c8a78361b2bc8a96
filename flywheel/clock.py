"""Time, always as aware UTC."""

import asyncio
from datetime import UTC, datetime


def utc_now() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


async def happens(event: asyncio.Event, seconds: float) -> bool:
    """Wait for the event, but not longer than that; whether it has happened."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True


def from_epoch(seconds: float) -> datetime:
    """The moment that a record's `timestamp` (epoch seconds) names."""
    return datetime.fromtimestamp(seconds, UTC)
