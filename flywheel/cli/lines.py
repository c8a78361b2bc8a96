"""Lines from the keyboard (or a pipe), read without holding the event loop up."""

import asyncio
import os
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

_CLEAR_LINE = "\r\x1b[K"


class LineReader:
    """Standard input, line by line; None at its end or once `stop` is set.

    `keyboard`: a person types, and sees what they type.
    """

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop
        self._lines: deque[str] = deque()
        self._rest = b""
        self._ended = False
        self._news = asyncio.Event()
        self.keyboard = sys.stdin.isatty() and sys.stdout.isatty()
        self._prompt = ""

    async def read(self, prompt: str) -> str | None:
        """The next line without its line break."""
        self._prompt = prompt
        _write(prompt)
        while not self._lines and not self._ended and not self._stop.is_set():
            await self._more()
        self._prompt = ""
        line = self._lines.popleft() if self._lines and not self._stop.is_set() else None
        if line is None or not self.keyboard:
            _write(f"{line or ''}\n")  # nobody has pressed Enter: show what was read
        return line

    @contextmanager
    def stepping_aside(self) -> Iterator[None]:
        """Take the prompt away while something is printed, and put it back."""
        waiting = self._prompt if self.keyboard else ""
        if waiting:
            _write(_CLEAR_LINE)
        yield
        if waiting:
            _write(waiting)

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
            self._rest = b""  # the end may be seen more than once
        self._lines.extend(line.decode(errors="replace").rstrip("\r") for line in lines)
        self._news.set()


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
