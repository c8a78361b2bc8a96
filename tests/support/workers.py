"""Worker processes, and the end of them."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from flywheel.settings import Settings


@asynccontextmanager
async def worker(settings: Settings, **variables: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker process of its own; stopped in good order unless the test killed it."""
    worker_config = settings.worker_config.model_dump_json()
    environment = {
        **os.environ,
        "FLYWHEEL_HOME": str(settings.home),
        "FLYWHEEL_WORKER_CONFIG": worker_config,
        **variables,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from flywheel.cli.main import main; main()", "worker"),
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
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
