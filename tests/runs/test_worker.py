"""A worker and its queue: the queue may go away at any time."""

import asyncio
import os
import signal

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from flywheel.ports.backends import Backends
from flywheel.service import runs
from flywheel.wiring import open_backends
from tests.support.running import ended, start, until, working


async def kill_the_queue(backends: Backends) -> None:
    """SIGKILL to the private server, and its end awaited."""
    socket = str(backends.settings.home / "queue" / "valkey.sock")
    async with Redis(unix_socket_path=socket) as client:
        process = int((await client.info("server"))["process_id"])
        os.kill(process, signal.SIGKILL)
        while True:
            try:
                if int((await client.info("server"))["process_id"]) != process:
                    return
            except (RedisError, OSError):
                return
            await asyncio.sleep(0.01)


@pytest.mark.slow
async def test_a_run_survives_its_queue(backends: Backends) -> None:
    async with working(backends):
        run = await start(backends, candidates=["tfidf-logreg"])
        await until(backends, run.id, lambda view: bool(view.datasets))
        await kill_the_queue(backends)
        view = await until(backends, run.id, ended)
    assert view.status == "completed", view.error


@pytest.mark.slow
async def test_a_run_of_a_process_that_has_no_queue_waits_for_the_sweep(
    backends: Backends,
) -> None:
    async with open_backends(backends.settings, with_queue=False) as reader:
        await kill_the_queue(backends)
        run = await start(reader, candidates=["hashing-sgd"])
        assert run.status == "pending"
    async with working(backends):
        view = await until(backends, run.id, ended)
    assert view.status == "completed", view.error
    assert [r.id for r in await runs.list_runs(backends)] == [run.id]
