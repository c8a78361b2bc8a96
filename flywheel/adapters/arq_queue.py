"""The queue on arq: it wakes workers and keeps nothing."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import orjson
from arq.connections import ArqRedis, RedisSettings, create_pool
from redis.exceptions import RedisError

from flywheel.errors import UnavailableError

QUEUE_NAME = "flywheel:wake"
HEALTH_KEY = "flywheel:worker"
ADVANCE = "advance"


class ArqQueue:
    """Wakes workers through a Redis server; connects when first needed.

    `start_server` starts the server where it is ours to start and does not run.
    """

    def __init__(
        self,
        settings: RedisSettings,
        place: str,
        start_server: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.redis_settings = settings
        self._place = place
        self._start_server = start_server
        self._pool: ArqRedis | None = None
        self._connecting = asyncio.Lock()

    async def wake(self, run_id: int, token: str, delay: float = 0.0) -> None:
        """Ask a worker to advance the run. Raises UnavailableError."""
        pool = await self._connected()
        try:
            await pool.enqueue_job(
                ADVANCE, run_id, _job_id=f"{run_id}:{token}", _defer_by=delay or None
            )
        except (RedisError, OSError) as error:
            raise self._unavailable() from error

    async def has_worker(self) -> bool:
        """Whether a worker has reported to the queue lately; False where nothing answers."""
        try:
            return bool(await (await self._connected()).exists(HEALTH_KEY))
        except (RedisError, OSError, UnavailableError):
            return False

    async def ping(self) -> str:
        """Which server answers. Raises UnavailableError."""
        pool = await self._connected()
        try:
            info = await pool.info("server")
        except (RedisError, OSError) as error:
            raise self._unavailable() from error
        name, version = info.get("server_name", "redis"), info.get("valkey_version")
        return f"{name} {version or info['redis_version']}"

    async def revive(self) -> None:
        """Start the server again where it is ours and has gone. Raises UnavailableError."""
        if self._start_server is not None:
            await self._start_server()

    async def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            with contextlib.suppress(RedisError, OSError):
                await pool.aclose()

    async def _connected(self) -> ArqRedis:
        async with self._connecting:
            if self._pool is None:
                try:
                    self._pool = await create_pool(
                        self.redis_settings,
                        job_serializer=to_json,
                        job_deserializer=orjson.loads,
                        default_queue_name=QUEUE_NAME,
                    )
                except (RedisError, OSError) as error:
                    raise self._unavailable() from error
            return self._pool

    def _unavailable(self) -> UnavailableError:
        return UnavailableError(f"The queue does not answer at {self._place}.", "Is it running?")


def to_json(job: dict[str, object]) -> bytes:
    """arq's own default is pickle."""
    return orjson.dumps(job, default=str)
