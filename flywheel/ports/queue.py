"""The queue wakes workers; the truth is in SQL."""

from typing import Protocol


class Queue(Protocol):
    """Wakes a worker for a run. A lost wake-up costs time, never a run."""

    async def wake(self, run_id: int, token: str, delay: float = 0.0) -> None:
        """Ask a worker to advance the run after `delay` seconds.

        The same `token` asked for twice while the first waits is one wake-up. Raises
        UnavailableError.
        """
        ...

    async def has_worker(self) -> bool:
        """Whether a worker has reported lately; False where the queue does not answer."""
        ...

    async def ping(self) -> str:
        """A few words on what answered. Raises UnavailableError where nothing does."""
        ...
