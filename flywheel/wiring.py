"""The one place where settings choose adapters."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from flywheel.adapters.local_logs import LocalLogStore
from flywheel.errors import SettingsError, UnavailableError
from flywheel.ports.logs import LogStore
from flywheel.settings import Settings
from flywheel.settings.endpoints import JudgeConfig

if TYPE_CHECKING:
    from arq.connections import RedisSettings

    from flywheel.adapters.openai_judge import OpenAIJudge
    from flywheel.ports.backends import Backends
    from flywheel.ports.language_model import LanguageModel
    from flywheel.ports.platform import Platform
    from flywheel.ports.tracking import Tracker


def open_log_store(settings: Settings) -> LogStore:
    """Where the production records are."""
    return LocalLogStore(settings.home / "logs.db")


def open_judge(config: JudgeConfig, api_key: SecretStr | None, cache: Path) -> "OpenAIJudge":
    """The judge; `cache` is the folder of its replies. Raises SettingsError where none is set."""
    from flywheel.adapters.judge_cache import JudgeCache
    from flywheel.adapters.openai_judge import OpenAIJudge  # slow to import, for one process

    return OpenAIJudge(config, api_key, JudgeCache(cache))


@asynccontextmanager
async def open_backends(
    settings: Settings, *, with_queue: bool = True, migrate: bool = True
) -> AsyncIterator["Backends"]:
    """Every adapter, opened and closed in order; the schema is brought up to date.

    `with_queue` starts the private queue server where none is configured; a command that only
    reads has no need of it, and merely uses it where it runs. Without `migrate` the database is
    not touched. Raises SettingsError, UnavailableError, ConflictError (see Database.migrate).
    """
    # Only here: a process that builds datasets opens the log alone, and these take 0.3 s to import.
    from arq.connections import RedisSettings

    from flywheel.adapters.arq_queue import ArqQueue
    from flywheel.adapters.private_valkey import PrivateValkey
    from flywheel.db.engine import Database, sqlite_url
    from flywheel.ports.backends import Backends

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

        platform = _open_platform(settings, stack)
        model = _language_model(settings)
        if model is not None:
            stack.push_async_callback(model.close)
        yield Backends(
            settings, database, open_log_store(settings), platform, queue, _tracker(settings), model
        )


def _open_platform(settings: Settings, stack: AsyncExitStack) -> "Platform":
    """Where candidates are trained and asked."""
    if settings.platform == "local":
        from flywheel.adapters.local_platform import LocalPlatform

        local = settings.local_platform_config
        return LocalPlatform(
            settings.home,
            local.candidates,
            local.parallel_jobs,
            served=local.served,
            secrets=settings.secrets,
        )
    if settings.platform == "nemo":
        from flywheel.adapters.nemo import NemoPlatform as NemoMicroservices

        secrets, judge = settings.secrets, settings.llm_judge_config
        microservices = NemoMicroservices(
            settings.nmp_config,
            settings.nims,
            settings.home / "nemo",
            judge=judge,
            evaluation=settings.evaluation_config,
            api_key=secrets.nemo_api_key,
            judge_key=secrets.for_judge(judge.url),
            embedding_key=secrets.embedding_api_key,
        )
        stack.push_async_callback(microservices.close)
        return microservices
    from flywheel.adapters.nemo_platform import NemoPlatform

    nemo = NemoPlatform(
        settings.home / "nemo-platform",
        settings.nemo_platform_config,
        settings.nims,
        settings.secrets.nemo_platform_token,
    )
    stack.push_async_callback(nemo.close)
    return nemo


def _tracker(settings: Settings) -> "Tracker | None":
    """Where evaluations are written down, where that is wanted."""
    if not settings.mlflow_config.enabled:
        return None
    from flywheel.adapters.mlflow_tracking import MlflowTracker

    return MlflowTracker(settings.mlflow_config)


def _language_model(settings: Settings) -> "LanguageModel | None":
    """Who answers questions in words, where that is wanted."""
    config = settings.insights_config
    if config.base_url is None:
        return None
    from flywheel.adapters.language_model import OpenAILanguageModel

    return OpenAILanguageModel(config, settings.secrets.for_insights(config.base_url))


def _make_home(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnavailableError(
            f"The folder {home} cannot be made: {error.strerror}.",
            "FLYWHEEL_HOME names it; flywheel keeps its state there.",
        ) from error


def _redis_settings(url: str) -> "RedisSettings":
    """Raises SettingsError; the address may hold a password, so nothing of it is repeated."""
    from arq.connections import RedisSettings

    try:
        settings = RedisSettings.from_dsn(url)
    except (RuntimeError, ValueError):
        raise SettingsError(
            "FLYWHEEL_REDIS_URL is not the address of a Redis.",
            "It looks like redis://USER:PASSWORD@HOST:6379/0, rediss://… or unix:///PATH.",
        ) from None
    settings.conn_retries = 0  # whoever wants to try again says so: the worker and the sweep do
    return settings
