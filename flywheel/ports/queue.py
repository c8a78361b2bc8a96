"""The queue wakes workers; the truth is in SQL."""

from typing import Protocol


class Queue(Protocol):
    """Wakes a worker for a run. A lost wake-up costs time, never a run."""

    async def wake(self, run_id: int, fence: int, delay: float = 0.0) -> None:
        """Ask a worker to advance the run after `delay` seconds; `fence` names this wake-up."""
        ...

    async def ping(self) -> str:
        """A few words on what answered. Raises UnavailableError where nothing does."""
        ...
