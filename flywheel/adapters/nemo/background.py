"""Work that takes longer than a look at it: tasks of this process, by the name of their job.

Nothing of it is lost with the process: whoever looks at the job next finds that no task is there
and starts it again, and what was done is found outside or on disk.
"""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any


class Background:
    """The tasks."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def started(self, key: str) -> bool:
        """Whether there is a task."""
        return key in self._tasks

    def start(self, key: str, work: Coroutine[Any, Any, None]) -> None:
        """Begin."""
        self._tasks[key] = asyncio.create_task(work, name=key)

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
        """End it; True, because nothing of it runs then."""
        task = self._tasks.pop(key, None)
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
        return True

    async def close(self) -> None:
        """End all."""
        for key in list(self._tasks):
            await self.stop(key)
