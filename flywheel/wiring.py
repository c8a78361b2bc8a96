"""The one place where settings choose adapters."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from arq.connections import RedisSettings

from flywheel.adapters.arq_queue import ArqQueue
from flywheel.adapters.local_logs import LocalLogStore
from flywheel.adapters.local_platform import LocalPlatform
from flywheel.adapters.private_valkey import PrivateValkey
from flywheel.db.engine import Database, sqlite_url
from flywheel.errors import SettingsError, UnavailableError
from flywheel.ports.backends import Backends
from flywheel.ports.logs import LogStore
from flywheel.ports.platform import Platform
from flywheel.scheduling.packing import Pool
from flywheel.settings import Settings


def open_log_store(settings: Settings) -> LogStore:
    """Where the production records are."""
    return LocalLogStore(settings.home / "logs.db")


@asynccontextmanager
async def open_backends(
    settings: Settings, *, with_queue: bool = True, migrate: bool = True
) -> AsyncIterator[Backends]:
    """Every adapter, opened and closed in order; the schema is brought up to date.

    `with_queue` starts the private queue server where none is configured; a command that only
    reads has no need of it, and merely uses it where it runs. Without `migrate` the database is
    not touched. Raises SettingsError, UnavailableError, ConflictError (see Database.migrate).
    """
    _make_home(settings.home)
    async with AsyncExitStack() as stack:
        url = settings.secrets.database_url
        database = Database(
            sqlite_url(settings.home / "flywheel.db") if url is None else url.get_secret_value()
        )
        stack.push_async_callback(database.close)
        if migrate:
            await database.migrate()

        redis_url = settings.secrets.redis_url
        if redis_url is None:
            valkey = PrivateValkey(settings.home)
            if with_queue:
                stack.push_async_callback(valkey.close)
                await valkey.open()
            redis = RedisSettings(unix_socket_path=str(valkey.socket), conn_retries=0)
            place = f"the private socket {valkey.socket}"
            queue = ArqQueue(redis, place, valkey.open if with_queue else None)
        else:
            redis = _redis_settings(redis_url.get_secret_value())
            queue = ArqQueue(redis, redis.unix_socket_path or f"{redis.host}:{redis.port}")
        stack.push_async_callback(queue.close)

        platform = _platform(settings, stack)
        yield Backends(settings, database, open_log_store(settings), platform, queue)


def _platform(settings: Settings, stack: AsyncExitStack) -> Platform:
    """Where candidates are trained and asked."""
    if settings.platform == "local":
        local = settings.local_platform_config
        return LocalPlatform(settings.home, local.candidates, local.parallel_jobs)
    from flywheel.adapters.nemo import NemoPlatform  # slow to import, and nobody else's business

    secrets = settings.secrets
    nemo = NemoPlatform(
        settings.nmp_config,
        settings.nims,
        settings.home / "nemo",
        lora=settings.lora_config,
        judge=settings.llm_judge_config,
        evaluation=settings.evaluation_config,
        gpu_budget=dict[Pool, int](settings.nmp_config.gpu_budget.items()),
        api_key=secrets.nemo_api_key,
        judge_key=secrets.llm_judge_api_key or secrets.nvidia_api_key,
    )
    stack.push_async_callback(nemo.close)
    return nemo


def _make_home(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnavailableError(
            f"The folder {home} cannot be made: {error.strerror}.",
            "FLYWHEEL_HOME names it; flywheel keeps its state there.",
        ) from error


def _redis_settings(url: str) -> RedisSettings:
    """Raises SettingsError; the address may hold a password, so nothing of it is repeated."""
    try:
        settings = RedisSettings.from_dsn(url)
    except (RuntimeError, ValueError):
        raise SettingsError(
            "FLYWHEEL_REDIS_URL is not the address of a Redis.",
            "It looks like redis://USER:PASSWORD@HOST:6379/0, rediss://… or unix:///PATH.",
        ) from None
    settings.conn_retries = 0  # whoever wants to try again says so: the worker and the sweep do
    return settings
