"""A worker that is killed at any instant loses nothing and does nothing twice."""

import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from flywheel.ports.backends import Backends
from flywheel.service.logs import import_files
from flywheel.settings import Settings
from flywheel.views import RunView
from flywheel.wiring import open_backends
from tests.support.running import assert_everything_happened_once, ended, start, until, write_log
from tests.support.workers import kill, worker

RECORDS = 1500


@pytest.fixture
async def outside(settings: Settings, tmp_path: Path) -> AsyncIterator[Backends]:
    """What a bystander sees of a home that worker processes work in."""
    async with open_backends(settings, with_queue=False) as opened:
        log = write_log(tmp_path / "log.jsonl", RECORDS)
        await import_files(opened.logs, [log], reject_dir=tmp_path / "rejects")
        yield opened


def training(view: RunView) -> bool:
    return any(s.kind == "customize" and s.status == "running" for s in view.steps)


def evaluating(view: RunView) -> bool:
    return any(s.kind == "customized-eval" and s.status == "running" for s in view.steps)


def building(view: RunView) -> bool:
    return any(s.kind == "build-datasets" and s.status == "running" for s in view.steps)


@pytest.mark.parametrize(
    ("moment", "candidates"),
    [
        pytest.param(building, ["hashing-sgd"], marks=pytest.mark.chaos),
        pytest.param(training, ["tfidf-svm", "hashing-sgd"], marks=pytest.mark.slow),
        pytest.param(evaluating, ["hashing-sgd"], marks=pytest.mark.chaos),
    ],
)
async def test_a_run_survives_sigkill(
    outside: Backends,
    settings: Settings,
    moment: Callable[[RunView], bool],
    candidates: list[str],
) -> None:
    run = await start(outside, candidates=candidates)
    async with worker(settings) as first:
        await until(outside, run.id, moment)
        await kill(first)
    assert first.returncode == -signal.SIGKILL
    assert not ended(await until(outside, run.id, lambda _: True))

    async with worker(settings) as second:
        view = await until(outside, run.id, ended)
    assert second.returncode == 0
    assert view.status == "completed", view.error
    await assert_everything_happened_once(outside, view)
    started = [p.read_text() for p in settings.home.rglob("attempts")]
    assert started == ["1"] * len(started), "a job was started twice"
    assert len(started) == 1 + 3 * len(view.nims)


@pytest.mark.chaos
async def test_many_kills_in_a_row(outside: Backends, settings: Settings) -> None:
    """Whatever it was doing, four times."""
    run = await start(outside, candidates=["hashing-sgd"])
    seen = 0
    for _ in range(4):
        async with worker(settings) as process:
            view = await until(outside, run.id, changed_since(seen))
            seen = view.version
            await kill(process)
    async with worker(settings):
        view = await until(outside, run.id, ended)
    assert view.status == "completed", view.error
    await assert_everything_happened_once(outside, view)


def changed_since(version: int) -> Callable[[RunView], bool]:
    return lambda view: view.version > version or ended(view)
