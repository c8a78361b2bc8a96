"""The one place where settings choose adapters."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from arq.connections import RedisSettings

from flywheel.adapters.arq_queue import ArqQueue
from flywheel.adapters.local_logs import LocalLogStore
from flywheel.adapters.local_platform import LocalPlatform
from flywheel.adapters.private_valkey import PrivateValkey
from flywheel.db.engine import Database, sqlite_url
from flywheel.ports.backends import Backends
from flywheel.ports.logs import LogStore
from flywheel.settings import Settings


def open_log_store(settings: Settings) -> LogStore:
    """Where the production records are."""
    return LocalLogStore(settings.home / "logs.db")


@asynccontextmanager
async def open_backends(settings: Settings, *, with_queue: bool = True) -> AsyncIterator[Backends]:
    """Every adapter, opened and closed in order; the schema is brought up to date.

    `with_queue` starts the private queue server where none is configured; a command that only
    reads has no need of it, and merely uses it where it runs.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        url = settings.secrets.database_url
        database = Database(
            sqlite_url(settings.home / "flywheel.db") if url is None else url.get_secret_value()
        )
        stack.push_async_callback(database.close)
        await database.migrate()

        redis_url = settings.secrets.redis_url
        if redis_url is None:
            valkey = PrivateValkey(settings.home)
            if with_queue:
                await valkey.open()
                stack.push_async_callback(valkey.close)
            redis = RedisSettings(unix_socket_path=str(valkey.socket), conn_retries=0)
            queue = ArqQueue(redis, f"the private socket {valkey.socket}")
        else:
            redis = RedisSettings.from_dsn(redis_url.get_secret_value())
            queue = ArqQueue(redis, f"{redis.host}:{redis.port}")
        stack.push_async_callback(queue.close)

        local = settings.local_platform_config
        platform = LocalPlatform(settings.home, local.candidates, local.parallel_jobs)
        yield Backends(settings, database, open_log_store(settings), platform, queue)
