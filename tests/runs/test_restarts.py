"""A run whose queue or database goes away and comes back, on the double of NeMo."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, Engine, event

from flywheel.ports.backends import Backends
from flywheel.service.logs import import_files
from flywheel.settings import Settings
from flywheel.settings.load import load_settings
from flywheel.wiring import open_backends
from tests.support.nemo_double import NemoDouble
from tests.support.nemo_jobs import SMALL
from tests.support.postgres import Postgres, missing, postgres
from tests.support.programs import flywheel
from tests.support.restarts import (
    DOWN_SECONDS,
    Queue,
    Trouble,
    database_restarted,
    flushed,
    queue,
    queue_restarted,
    run_through,
)
from tests.support.running import (
    assert_everything_happened_once,
    ended,
    start,
    until,
    working,
    write_log,
)
from tests.support.workers import Ear, worker

TIMES = 8  # of the same trouble in one run


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[Queue]:
    """A Redis that is not private."""
    async with queue(tmp_path) as running:
        yield running


@pytest.fixture
def server() -> Iterator[Postgres]:
    """A PostgreSQL."""
    if why := missing():
        pytest.skip(why)
    with postgres() as made:
        yield made


@pytest.fixture
async def variables(
    nemo_settings: Settings, tmp_path: Path, redis: Queue, server: Postgres
) -> AsyncIterator[dict[str, str]]:
    """The environment of a worker on that database, which is up, and that queue."""
    await server.start()
    yield {
        "FLYWHEEL_HOME": str(nemo_settings.home),
        "FLYWHEEL_CONFIG": str(tmp_path / "config.yaml"),
        "FLYWHEEL_WORKER_CONFIG": nemo_settings.worker_config.model_dump_json(),
        "FLYWHEEL_REDIS_URL": redis.url,
        "FLYWHEEL_DATABASE_URL": server.url,
    }
    await server.stop()


@pytest.fixture
async def outside(variables: dict[str, str], tmp_path: Path) -> AsyncIterator[Backends]:
    """What a bystander sees."""
    async with open_backends(load_settings(environ=variables), with_queue=False) as opened:
        log = write_log(tmp_path / "log.jsonl")
        await import_files(opened.logs, [log], reject_dir=tmp_path)
        yield opened


async def survives(
    outside: Backends, double: NemoDouble, trouble: Trouble, variables: dict[str, str]
) -> None:
    """A run on NeMo goes through it, and NeMo has seen everything once."""
    run = await start(outside, eval_size=40)
    view = await run_through(outside, outside.settings, run.id, trouble, TIMES, 90, **variables)
    await assert_everything_happened_once(outside, view)
    jobs = {"customization", "evaluation", "deployment", "dataset", "model"}
    effects = Counter(one for one in double.world.journal if one[0] in jobs)
    assert {effect: n for effect, n in effects.items() if n > 1} == {}
    assert len(double.world.made("customization")) == 2
    assert double.world.deployments == {}
    assert double.world.gpus_used == {}


@pytest.mark.chaos
async def test_a_run_survives_a_queue_that_is_emptied(
    outside: Backends, double: NemoDouble, redis: Queue, variables: dict[str, str]
) -> None:
    await survives(outside, double, flushed(redis), variables)


@pytest.mark.chaos
async def test_a_run_survives_a_queue_server_that_is_killed(
    outside: Backends, double: NemoDouble, redis: Queue, variables: dict[str, str]
) -> None:
    await survives(outside, double, queue_restarted(redis), variables)


@pytest.mark.chaos
async def test_a_run_survives_a_database_that_goes_down(
    outside: Backends, double: NemoDouble, server: Postgres, variables: dict[str, str]
) -> None:
    await survives(outside, double, database_restarted(server), variables)


@pytest.mark.chaos
async def test_a_worker_waits_for_a_queue_that_is_not_there_yet(
    outside: Backends, redis: Queue, variables: dict[str, str]
) -> None:
    await redis.kill()
    run = await start(outside, eval_size=40, candidates=[SMALL])
    async with worker(outside.settings, heard=True, **variables) as process:
        ear = Ear(process)
        for wanted in ("waiting for runs", "the queue went away", "the sweep for abandoned runs"):
            await ear.hears(wanted)
        await asyncio.sleep(DOWN_SECONDS)
        assert len(ear.lines) == 3, "it says the same again and again"
        await redis.start()
        view = await until(outside, run.id, ended)
    assert process.returncode == 0
    await assert_everything_happened_once(outside, view)


def test_a_worker_does_not_start_without_its_database(settings: Settings, server: Postgres) -> None:
    done = flywheel(settings.home, "worker", FLYWHEEL_DATABASE_URL=server.url)
    assert done.returncode == 7
    assert "The database cannot be used: " in done.stderr
    assert len(done.stderr.splitlines()) == 2


async def test_a_worker_whose_database_has_gone_stops_in_good_order(
    settings: Settings, server: Postgres
) -> None:
    await server.start()
    async with worker(settings, heard=True, FLYWHEEL_DATABASE_URL=server.url) as process:
        ear = Ear(process)
        await ear.hears("is waiting for runs")
        await server.stop()
        await ear.hears("The database cannot be used")
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 60) == 0
    assert not [line for line in ear.lines if "Traceback" in line], "\n".join(ear.lines)


@pytest.mark.slow
async def test_a_connection_that_breaks_in_the_middle_of_a_step_fails_nothing(
    run_settings: Settings, server: Postgres, tmp_path: Path
) -> None:
    """The verdict's own look at the answers: a later look at the run gives the verdict."""
    await server.start()
    broken: list[str] = []

    def break_once(connection: Connection, *query: Any) -> None:
        if not broken and query[1].startswith("SELECT prediction."):
            broken.append(query[1])
            pid = connection.connection.driver_connection.info.backend_pid  # type: ignore[union-attr]
            with psycopg.connect(server.url) as other:
                other.execute("SELECT pg_terminate_backend(%s)", [pid])

    secrets = run_settings.secrets.model_copy(update={"database_url": SecretStr(server.url)})
    settings = run_settings.model_copy(update={"secrets": secrets})
    async with open_backends(settings) as backends:
        log = write_log(tmp_path / "log.jsonl")
        await import_files(backends.logs, [log], reject_dir=tmp_path)
        event.listen(Engine, "before_cursor_execute", break_once)
        try:
            async with working(backends):
                run = await start(backends, candidates=["hashing-sgd"])
                view = await until(backends, run.id, ended)
        finally:
            event.remove(Engine, "before_cursor_execute", break_once)
        await assert_everything_happened_once(backends, view)
    assert len(broken) == 1
