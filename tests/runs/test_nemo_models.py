"""Runs on the double of NeMo with models that are promoted, or that the settings name no longer."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from flywheel.ports.backends import Backends
from flywheel.service import planning, promotions
from flywheel.service.logs import import_files
from flywheel.settings import Settings
from flywheel.views import RunRequest
from flywheel.wiring import open_backends
from tests.support.nemo_double import NemoDouble
from tests.support.nemo_jobs import LARGE, SMALL
from tests.support.running import SHELL, ended, start, until, working, write_log


@pytest.fixture
async def backends(nemo_settings: Settings, tmp_path: Path) -> AsyncIterator[Backends]:
    async with open_backends(nemo_settings) as opened:
        log = write_log(tmp_path / "log.jsonl")
        await import_files(opened.logs, [log], reject_dir=tmp_path)
        yield opened


@pytest.mark.slow
async def test_the_promoted_model_is_served_for_the_next_run_and_compared(
    backends: Backends, double: NemoDouble
) -> None:
    async with working(backends):
        first = await start(backends, eval_size=100, candidates=[SMALL])
        await until(backends, first.id, ended, seconds=100)
        await promotions.promote(backends, first.id, SMALL, SHELL, "good")
        request = RunRequest(workload_id="news", eval_size=100, candidates=[LARGE])
        plan = await planning.plan_run(backends, request)
        second = await start(backends, eval_size=100, candidates=[LARGE])
        view = await until(backends, second.id, ended, seconds=100)
    assert ("deploy", None, 1) in {(s.kind, s.candidate, s.amount) for s in plan.steps}
    assert view.status == "completed", view.error
    assert view.compared is not None
    assert view.compared.scores is not None
    assert view.compared.name == f"{SMALL} ({first.id})"
    assert double.world.deployments == {}


@pytest.mark.slow
async def test_a_model_that_the_settings_no_longer_name_fails_alone(
    backends: Backends, nemo_settings: Settings
) -> None:
    run = await start(backends, eval_size=40)
    left = [nim for nim in nemo_settings.nims if nim.model_name != LARGE]
    settings = nemo_settings.model_copy(update={"nims": left})
    async with open_backends(settings) as changed, working(changed):
        view = await until(changed, run.id, ended, seconds=100)
    by_name = {candidate.model_name: candidate for candidate in view.nims}
    assert by_name[SMALL].customized is not None
    assert f"nims has no model '{LARGE}'." in (by_name[LARGE].error or "")
