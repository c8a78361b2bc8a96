"""Worker processes, and the end of them."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from flywheel.settings import Settings


@asynccontextmanager
async def worker(
    settings: Settings, *words: str, heard: bool = False, **variables: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker process of its own; stopped in good order unless the test ended it.

    `words` are its command line, `worker` where there are none. `heard`: the test reads what it
    says on standard output.
    """
    worker_config = settings.worker_config.model_dump_json()
    environment = {
        **os.environ,
        "FLYWHEEL_HOME": str(settings.home),
        "FLYWHEEL_WORKER_CONFIG": worker_config,
        **variables,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from flywheel.cli.main import main; main()"),
        *(words or ("worker",)),
        env=environment,
        stdout=asyncio.subprocess.PIPE if heard else asyncio.subprocess.DEVNULL,
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


async def says(process: asyncio.subprocess.Process, wanted: str, seconds: float = 30) -> str:
    """The next line of it that has `wanted`."""
    assert process.stdout is not None
    async with asyncio.timeout(seconds):
        while line := (await process.stdout.readline()).decode():
            if wanted in line:
                return line.strip()
    raise AssertionError(f"It ended without a word of {wanted!r}.")
