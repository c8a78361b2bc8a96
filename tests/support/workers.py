"""Worker processes, and the end of them."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from flywheel.settings import Settings


@asynccontextmanager
async def worker(
    settings: Settings,
    *words: str,
    heard: bool = False,
    program: Sequence[str] = ("-c", "from flywheel.cli.main import main; main()"),
    **variables: str,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker process of its own; stopped in good order unless the test ended it.

    `words` are its command line, `worker` where there are none. `heard`: the test reads all that
    it says and logs.
    """
    worker_config = settings.worker_config.model_dump_json()
    environment = {
        **os.environ,
        "FLYWHEEL_HOME": str(settings.home),
        "FLYWHEEL_WORKER_CONFIG": worker_config,
        **variables,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *program, *(words or ("worker",))),
        env=environment,
        stdout=asyncio.subprocess.PIPE if heard else asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.STDOUT if heard else None,
        start_new_session=True,  # a signal to it is none to us
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def kill(process: asyncio.subprocess.Process) -> None:
    process.send_signal(signal.SIGKILL)
    await process.wait()  # before another signal: asyncio and `subprocess` would both wait for it


class Ear:
    """All that a worker process says from now on."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        self.lines: list[str] = []
        self._stream = process.stdout
        self._more = asyncio.Event()
        self._listening = asyncio.create_task(self._listen())

    async def hears(self, wanted: str, since: int = 0, seconds: float = 60) -> str:
        """The first line that has `wanted`, of those from `since` on."""
        try:
            async with asyncio.timeout(seconds):
                while not (found := [one for one in self.lines[since:] if wanted in one]):
                    assert not self._listening.done(), f"It ended without a word of {wanted!r}."
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise AssertionError(f"No word of {wanted!r} in {self.lines[since:]}") from None
        return found[0]

    async def _listen(self) -> None:
        while line := await self._stream.readline():
            self.lines.append(line.decode().strip())
            self._more.set()
        self._more.set()
