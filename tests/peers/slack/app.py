"""The bot and a worker as a process, which can be killed and started again."""

import asyncio
import sys
from pathlib import Path

from flywheel.settings import Settings
from flywheel.settings.load import load_settings
from tests.peers.slack.local_slack import SECONDS
from tests.support.programs import environment

_PROGRAM = Path(__file__).with_name("program.py")
_ROOT = Path(__file__).parents[3]


class App:
    """One home; `said` is what its processes have printed, `log` what they have logged."""

    def __init__(self, home: Path, api_url: str, port: int, **variables: str) -> None:
        self.port = port
        self.said: list[str] = []
        self._log = home.with_suffix(".log")
        self._words = (sys.executable, str(_PROGRAM), api_url, str(port))
        self._variables = {**environment(home), "PYTHONPATH": str(_ROOT), **variables}
        self._process: asyncio.subprocess.Process | None = None

    @property
    def settings(self) -> Settings:
        """What its processes work with."""
        return load_settings(environ=self._variables)

    @property
    def log(self) -> str:
        """All that they have logged."""
        return self._log.read_text("utf-8", "replace")

    async def start(self) -> None:
        """Start it, and wait until it listens."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._words,
                env=self._variables,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # a signal to us is none to it
            )
        assert self._process.stdout is not None
        async with asyncio.timeout(SECONDS):
            async for line in self._process.stdout:
                self.said.append(line.decode().rstrip())
                if self.said[-1].startswith("The worker is waiting"):
                    return
        raise AssertionError(f"it ended: {self.log[-3000:]}")

    async def kill(self) -> None:
        """It ends where it stands."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        """It ends as it should."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), SECONDS)
        except TimeoutError:
            await self.kill()
            raise
