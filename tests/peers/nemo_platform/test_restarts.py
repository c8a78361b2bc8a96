"""A run on the real server whose queue or database goes away and comes back."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from flywheel.adapters.nemo_platform.client import NemoPlatformClient
from flywheel.ports.backends import Backends
from flywheel.service.logs import import_files
from flywheel.settings import NemoPlatformConfig
from flywheel.settings.load import load_settings
from flywheel.wiring import open_backends
from tests.support.postgres import Postgres, missing, postgres
from tests.support.programs import QUICK
from tests.support.restarts import (
    Queue,
    Trouble,
    database_restarted,
    flushed,
    queue,
    queue_restarted,
    run_through,
)
from tests.support.running import assert_everything_happened_once, start, write_log

CANDIDATES = ["tfidf-svm", "hashing-sgd"]
TIMES = 6  # of the same trouble in one run
SECONDS = 420.0


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[Queue]:
    """A Redis that is not private."""
    async with queue(tmp_path) as running:
        yield running


@pytest.fixture
def database() -> Iterator[Postgres]:
    """A PostgreSQL."""
    if why := missing():
        pytest.skip(why)
    with postgres() as made:
        yield made


@pytest.fixture
async def variables(
    config: NemoPlatformConfig, redis: Queue, database: Postgres, tmp_path: Path
) -> AsyncIterator[dict[str, str]]:
    """The environment of a worker on that database, which is up, and that queue."""
    await database.start()
    yield {
        "FLYWHEEL_HOME": str(tmp_path / "home"),
        "FLYWHEEL_PLATFORM": "nemo-platform",
        "FLYWHEEL_NEMO_PLATFORM_CONFIG": config.model_dump_json(),
        "FLYWHEEL_WORKER_CONFIG": QUICK,
        "FLYWHEEL_REDIS_URL": redis.url,
        "FLYWHEEL_DATABASE_URL": database.url,
    }
    await database.stop()


@pytest.fixture
async def outside(variables: dict[str, str], tmp_path: Path) -> AsyncIterator[Backends]:
    """What a bystander sees."""
    async with open_backends(load_settings(environ=variables), with_queue=False) as opened:
        log = write_log(tmp_path / "log.jsonl", 400)
        await import_files(opened.logs, [log], reject_dir=tmp_path)
        yield opened


async def survives(
    outside: Backends, client: NemoPlatformClient, trouble: Trouble, variables: dict[str, str]
) -> None:
    """A run goes through it; the server has each of its jobs once, and serves nothing of it."""
    run = await start(outside, candidates=CANDIDATES)
    view = await run_through(
        outside, outside.settings, run.id, trouble, TIMES, SECONDS, **variables
    )
    await assert_everything_happened_once(outside, view)
    for collection, kinds in (
        ("students", ["customize"]),
        ("evaluate", ["base-eval", "customized-eval"]),
    ):
        jobs = await client.job_names(collection)
        wanted = sorted(f"{name}-{kind}" for name in CANDIDATES for kind in kinds)
        assert sorted(job.split("-", 2)[2] for job in jobs) == wanted
    assert not await client.names("providers")


async def test_a_run_survives_a_queue_that_is_emptied(
    outside: Backends, client: NemoPlatformClient, redis: Queue, variables: dict[str, str]
) -> None:
    await survives(outside, client, flushed(redis), variables)


async def test_a_run_survives_a_queue_server_that_is_killed(
    outside: Backends, client: NemoPlatformClient, redis: Queue, variables: dict[str, str]
) -> None:
    await survives(outside, client, queue_restarted(redis), variables)


async def test_a_run_survives_a_database_that_goes_down(
    outside: Backends, client: NemoPlatformClient, database: Postgres, variables: dict[str, str]
) -> None:
    await survives(outside, client, database_restarted(database), variables)
