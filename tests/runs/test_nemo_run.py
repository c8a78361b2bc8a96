"""Whole runs on the double of NeMo Microservices: real steps, real queue, real worker."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from flywheel.ports.backends import Backends
from flywheel.service import runs
from flywheel.service.logs import import_files
from flywheel.settings import Settings
from flywheel.views import RunView
from flywheel.wiring import open_backends
from tests.support.nemo_double import NemoDouble
from tests.support.nemo_jobs import LARGE, SMALL
from tests.support.running import ANALYST, ended, start, until, working, write_log


@pytest.fixture
async def backends(nemo_settings: Settings, tmp_path: Path) -> AsyncIterator[Backends]:
    async with open_backends(nemo_settings) as opened:
        log = write_log(tmp_path / "log.jsonl")
        await import_files(opened.logs, [log], reject_dir=tmp_path)
        yield opened


def once_each(double: NemoDouble) -> None:
    jobs = {"customization", "evaluation", "deployment", "dataset"}
    effects = Counter(one for one in double.world.journal if one[0] in jobs)
    assert {effect: n for effect, n in effects.items() if n > 1} == {}


async def test_two_candidates_share_a_gpu_of_each_kind_and_nothing_is_left_deployed(
    backends: Backends, double: NemoDouble
) -> None:
    async with working(backends):
        run = await start(backends, eval_size=40)
        view = await until(backends, run.id, ended, seconds=150)
    assert view.status == "completed", view.error
    by_name = {candidate.model_name: candidate for candidate in view.nims}
    assert set(by_name) == {SMALL, LARGE}
    for candidate in view.nims:
        assert candidate.error is None
        assert candidate.customized is not None
        assert candidate.base is not None
        assert candidate.customized.macro_f1 is not None
        assert candidate.base.macro_f1 is not None
        assert candidate.customized.macro_f1.value > candidate.base.macro_f1.value
    assert double.world.deployments == {}
    once_each(double)
    assert len(double.world.made("customization")) == 2

    assert await runs.delete_run(backends, run.id, ANALYST) == []
    assert double.world.datasets == {}


async def test_a_cancelled_run_leaves_nothing_running(
    backends: Backends, double: NemoDouble
) -> None:
    double.world.trouble("stuck")

    def trains(view: RunView) -> bool:
        return any(s.kind == "customize" and s.status == "running" for s in view.steps)

    async with working(backends):
        run = await start(backends, eval_size=40)
        await until(backends, run.id, trains, seconds=100)
        await runs.cancel_run(backends, run.id, ANALYST)
        view = await until(backends, run.id, ended, seconds=100)
    assert view.status == "cancelled"
    assert double.world.deployments == {}
    states = {job["status"] for job in double.world.customizations.values()}
    assert states <= {"cancelled"}
    assert double.world.gpus_used == {}
