"""A worker that is asked to stop: at once, or when the steps that run have ended."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from flywheel.db.models import Run, Step
from flywheel.ports.backends import Backends
from flywheel.runs.drain import Drain
from flywheel.service.logs import import_files
from flywheel.settings import Settings
from flywheel.views import RunView
from flywheel.wiring import open_backends
from tests.support.running import ended, start, until, write_log
from tests.support.workers import Ear, worker

SECONDS = 60


@pytest.fixture
async def outside(settings: Settings, tmp_path: Path) -> AsyncIterator[Backends]:
    """What a bystander sees of a home that worker processes work in."""
    async with open_backends(settings, with_queue=False) as opened:
        log = write_log(tmp_path / "log.jsonl")
        await import_files(opened.logs, [log], reject_dir=tmp_path / "rejects")
        yield opened


class Trainers:
    """The training processes of a home, which stand still until they are let go."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._held: list[int] = []

    async def hold(self, known: int = 0) -> Path:
        """The next job that trains, stopped in the middle; `known` were there before."""
        async with asyncio.timeout(SECONDS):
            while len(found := self._pids()) <= known:
                await asyncio.sleep(0.005)
        job = max(found, key=lambda path: path.stat().st_ctime).parent
        pid = int((job / "pid").read_text())
        os.kill(pid, signal.SIGSTOP)
        self._held.append(pid)
        assert self.runs(job), "it was too quick"
        return job

    def runs(self, job: Path) -> bool:
        """Whether the job has no result yet."""
        return not (job / "result.json").exists() and not (job / "error.json").exists()

    def go_on(self) -> None:
        """Let go of the one that has been held longest."""
        os.kill(self._held.pop(0), signal.SIGCONT)

    def release(self) -> None:
        """Let go of all."""
        while self._held:
            self.go_on()

    def _pids(self) -> list[Path]:
        return list(self._home.glob("jobs/**/*customize*/pid"))


@pytest.fixture
def trainers(settings: Settings) -> Iterator[Trainers]:
    """None is left standing."""
    made = Trainers(settings.home)
    yield made
    made.release()


async def now(outside: Backends, run_id: str) -> RunView:
    """How the run stands."""
    return await until(outside, run_id, lambda _: True)


def status(view: RunView, kind: str) -> str:
    """Of the only step of that kind."""
    return next(step.status for step in view.steps if step.kind == kind)


async def assert_it_goes_on(outside: Backends, settings: Settings, run_id: str) -> None:
    """With the next worker, without any job started again."""
    async with worker(settings) as process:
        view = await until(outside, run_id, ended)
    assert process.returncode == 0
    assert view.status == "completed", view.error
    attempts = [path.read_text() for path in settings.home.rglob("attempts")]
    assert attempts == ["1"] * len(attempts), "a job was started twice"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "number"),
    [
        (("worker",), signal.SIGTERM),
        pytest.param(("worker",), signal.SIGINT, marks=pytest.mark.slow),
        pytest.param(("up", "--port", "0"), signal.SIGTERM, marks=pytest.mark.slow),
    ],
)
async def test_a_signal_stops_a_worker_and_leaves_what_runs(
    outside: Backends,
    settings: Settings,
    trainers: Trainers,
    words: tuple[str, ...],
    number: signal.Signals,
) -> None:
    run = await start(outside, candidates=["hashing-sgd"])
    async with worker(settings, *words) as process:
        training = await trainers.hold()
        process.send_signal(number)
        async with asyncio.timeout(SECONDS):
            assert await process.wait() == 0
    assert trainers.runs(training)
    view = await now(outside, run.id)
    assert (view.status, status(view, "customize")) == ("running", "running")
    async with outside.database.transaction() as session:
        assert (await session.exec(select(Run.lease_until))).one() is None, "nobody may take it yet"
    trainers.release()
    await assert_it_goes_on(outside, settings, run.id)


@pytest.mark.slow
async def test_draining_lets_the_step_end_and_starts_no_other(
    outside: Backends, settings: Settings, trainers: Trainers
) -> None:
    run = await start(outside, candidates=["hashing-sgd"])
    async with worker(settings, "worker", "--drain", heard=True) as process:
        training = await trainers.hold()
        ear = Ear(process)
        process.terminate()
        said = await ear.hears("Waiting for customize")
        assert said == f"Waiting for customize of hashing-sgd in {run.id} (news) to end."
        assert process.returncode is None
        trainers.release()
        await ear.hears(f"Ended: customize of hashing-sgd in {run.id}")
        async with asyncio.timeout(SECONDS):
            assert await process.wait() == 0
    assert not trainers.runs(training)
    view = await now(outside, run.id)
    assert (view.status, status(view, "customize")) == ("running", "completed")
    assert status(view, "customized-eval") == "pending"
    await assert_it_goes_on(outside, settings, run.id)


async def test_a_second_signal_ends_draining_at_once(
    outside: Backends, settings: Settings, trainers: Trainers
) -> None:
    run = await start(outside, candidates=["hashing-sgd"])
    async with worker(settings, "worker", "--drain", heard=True) as process:
        training = await trainers.hold()
        process.terminate()
        await Ear(process).hears("Waiting for customize")
        process.terminate()
        async with asyncio.timeout(SECONDS):
            assert await process.wait() == 0
    assert trainers.runs(training)
    assert status(await now(outside, run.id), "customize") == "running"


async def test_draining_waits_for_nothing_where_nothing_runs(
    outside: Backends, settings: Settings
) -> None:
    async with worker(settings, "worker", "--drain", heard=True) as process:
        ear = Ear(process)
        await ear.hears("is waiting for runs")
        process.send_signal(signal.SIGINT)
        await ear.hears("No step is left")
        async with asyncio.timeout(SECONDS):
            assert await process.wait() == 0


@pytest.mark.slow
async def test_draining_does_not_wait_for_what_another_worker_starts(
    outside: Backends, settings: Settings, trainers: Trainers
) -> None:
    first = await start(outside, candidates=["hashing-sgd"])
    async with worker(settings, "worker", "--drain", heard=True) as process:
        await trainers.hold()
        process.terminate()
        await Ear(process).hears("Waiting for customize")
        second = await start(outside, candidates=["hashing-sgd"])
        async with worker(settings) as other:
            later = await trainers.hold(known=1)
            assert process.returncode is None
            trainers.go_on()
            async with asyncio.timeout(SECONDS):
                assert await process.wait() == 0
            assert trainers.runs(later)
            trainers.release()
            for run in (first, second):
                view = await until(outside, run.id, ended)
                assert view.status == "completed", view.error
        assert other.returncode == 0


async def test_a_step_that_a_look_was_starting_is_waited_for(
    outside: Backends, settings: Settings
) -> None:
    """Draining is asked for between the decision to start it and its row."""
    said: list[str] = []
    drain = Drain(said.append)
    run = await start(outside, candidates=["hashing-sgd"])
    write, written = asyncio.Event(), asyncio.Event()

    async def set_status(to: str) -> None:
        async with outside.database.transaction() as session:
            (
                await session.exec(select(Step).where(Step.kind == "build-datasets"))
            ).one().status = to

    async def look() -> None:
        with drain.look():
            assert drain.may_start()
            written.set()
            await write.wait()
            await set_status("running")

    looking = asyncio.create_task(look())
    await written.wait()
    over = asyncio.create_task(drain.over(outside.database, 0.01))
    drain.asked.set()
    assert not drain.may_start()
    assert not (await asyncio.wait({over}, timeout=0.2))[0], "it did not wait for the look"
    write.set()
    await looking
    async with asyncio.timeout(SECONDS):
        while not said:
            await asyncio.sleep(0.01)
    assert said == [f"Waiting for build-datasets in {run.id} (news) to end."]
    assert not over.done()
    await set_status("completed")
    await asyncio.wait_for(over, SECONDS)
    assert said[1:] == [
        f"Ended: build-datasets in {run.id} (news).",
        "No step is left to wait for.",
    ]
