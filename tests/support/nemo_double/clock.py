"""The double's time: its seconds may pass faster than ours."""

import asyncio
import time
from datetime import UTC, datetime


class Clock:
    """`speed` of its seconds pass in one of ours."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._start = time.monotonic()

    def now(self) -> float:
        """Its seconds since it was made."""
        return (time.monotonic() - self._start) * self.speed

    async def sleep(self, seconds: float) -> None:
        """Wait so many of its seconds."""
        await asyncio.sleep(seconds / self.speed)

    async def until(self, moment: float) -> None:
        """Wait for that moment of its time."""
        await self.sleep(max(0.0, moment - self.now()))


def stamp() -> str:
    """The present moment as NeMo writes it."""
    return datetime.now(UTC).isoformat()
