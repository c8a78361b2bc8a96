"""Work that takes longer than a look at it: tasks of this process, by the name of their job.

Nothing of it is lost with the process: whoever looks at the job next finds that no task is there
and starts it again, and what was done is found outside or on disk.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

_PATIENCE = 0.2  # seconds that `stop` waits
_WATCH_SECONDS = 0.5


class Background:
    """The tasks."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def started(self, key: str) -> bool:
        """Whether there is a task."""
        return key in self._tasks

    def start(
        self, key: str, work: Coroutine[Any, Any, None], unwanted: Callable[[], Awaitable[bool]]
    ) -> None:
        """Begin; `unwanted` says whether another worker has cancelled the job meanwhile."""
        self._tasks[key] = asyncio.create_task(_watched(work, unwanted), name=key)

    def works_for(self, job: str) -> bool:
        """Whether a task of that job goes on."""
        return any(k.startswith(job) and not task.done() for k, task in self._tasks.items())

    def done(self, key: str) -> bool:
        """Whether it has ended, one way or the other."""
        return self._tasks[key].done()

    def result(self, key: str) -> None:
        """Forget an ended task; raises what it raised."""
        self._tasks.pop(key).result()

    async def stop(self, key: str) -> bool:
        """Ask it to end; True once nothing of it runs. What sits in a thread takes its time."""
        task = self._tasks.get(key)
        if task is None:
            return True
        if not task.cancelling():
            task.cancel()
        await asyncio.wait({task}, timeout=_PATIENCE)
        if not task.done():
            return False
        del self._tasks[key]
        if not task.cancelled():
            task.exception()  # nobody wants to know
        return True

    async def close(self) -> None:
        """End all."""
        for key in list(self._tasks):
            await self.stop(key)


async def _watched(
    work: Coroutine[Any, Any, None], unwanted: Callable[[], Awaitable[bool]]
) -> None:
    task = asyncio.create_task(work)
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=_WATCH_SECONDS)
            if not task.done() and await unwanted():
                task.cancel()
                await asyncio.wait({task})
                return
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait({task})
        raise
    task.result()
