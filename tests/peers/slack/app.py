"""The real app with its worker as a process: `python -m tests.peers.slack.app API_URL PORT`."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bot.serve import serve
from flywheel.settings import load_settings
from flywheel.wiring import open_backends


@dataclass
class App:
    """The process, which can be killed and started again."""

    api_url: str
    port: int
    environ: Mapping[str, str]
    log: Path
    process: asyncio.subprocess.Process | None = field(default=None)

    async def start(self) -> None:
        """Start it and wait until it takes deliveries."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.peers.slack.app", self.api_url, str(self.port)),
                env={**os.environ, **self.environ},
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self.process.stdout is not None
        async with asyncio.timeout(60):
            while b"Listening" not in (line := await self.process.stdout.readline()):
                assert line, self.log.read_text()[-3000:]

    async def kill(self) -> None:
        """As a machine that loses power."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> None:
        """As an operator does."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            await self.process.wait()


@asynccontextmanager
async def running(app: App) -> AsyncIterator[App]:
    """The app while the block runs."""
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


async def _main(api_url: str, port: int) -> None:
    async with open_backends(load_settings()) as backends:
        await serve(
            backends,
            with_worker=True,
            host="127.0.0.1",
            port=port,
            say=lambda line: print(line, flush=True),
            api_url=api_url,
        )


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2])))
