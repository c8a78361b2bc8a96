"""Lines from the keyboard (or a pipe), read without holding the event loop up."""

import asyncio
import os
import sys
from collections import deque


class LineReader:
    """Standard input, line by line; None at its end or once `stop` is set."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop
        self._lines: deque[str] = deque()
        self._rest = b""
        self._ended = False
        self._news = asyncio.Event()

    async def read(self, prompt: str) -> str | None:
        """The next line without its line break."""
        sys.stdout.write(prompt)
        sys.stdout.flush()
        while not self._lines and not self._ended and not self._stop.is_set():
            await self._more()
        return self._lines.popleft() if self._lines and not self._stop.is_set() else None

    async def _more(self) -> None:
        loop = asyncio.get_running_loop()
        self._news.clear()
        try:
            loop.add_reader(sys.stdin.fileno(), self._take)
        except PermissionError:  # a regular file never keeps anybody waiting
            self._take()
            return
        try:
            waits = [asyncio.create_task(event.wait()) for event in (self._news, self._stop)]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
        finally:
            loop.remove_reader(sys.stdin.fileno())

    def _take(self) -> None:
        chunk = os.read(sys.stdin.fileno(), 65_536)
        if not chunk:
            self._ended = True
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if self._ended and self._rest:
            lines.append(self._rest)
        self._lines.extend(line.decode(errors="replace").rstrip("\r") for line in lines)
        self._news.set()
