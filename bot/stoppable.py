"""Answers that whoever asked may cut short, while this process looks for them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

Found = TypeVar("Found")


class Stoppable:
    """By the mark of the answer: who asks, and the work that can be stopped."""

    def __init__(self) -> None:
        self._going_on: dict[str, tuple[str, asyncio.Event]] = {}

    async def run(
        self,
        mark: str,
        user: str,
        work: Callable[[], Awaitable[Found]],
        instead: Callable[[], Awaitable[Found]],
    ) -> Found:
        """What `work` finds; what `instead` does where it is stopped before."""
        stopped = asyncio.Event()
        self._going_on[mark] = user, stopped
        working = asyncio.ensure_future(work())
        waiting = asyncio.ensure_future(stopped.wait())
        try:
            await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return await working
            return await instead()
        finally:
            del self._going_on[mark]
            for task in (working, waiting):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    if not task.done():
                        await task

    def stop(self, mark: str, user: str) -> str | None:
        """Stop it; None where that worked, else why not."""
        if mark not in self._going_on:
            return "That answer is not being looked for any more."
        asked_by, stopped = self._going_on[mark]
        if asked_by != user:
            return "Only whoever asked can cut the answer short."
        stopped.set()
        return None
