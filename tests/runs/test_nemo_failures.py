"""Runs on the double whose candidates fail, each for its own reason."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from flywheel.ports.backends import Backends
from flywheel.service.logs import import_files
from flywheel.settings import Settings
from flywheel.views import RunView
from flywheel.wiring import open_backends
from tests.support.nemo_double import NemoDouble
from tests.support.nemo_jobs import LARGE, MEDIUM, SMALL
from tests.support.nemo_runs import busy, twice, with_three_candidates, write_log_of
from tests.support.running import ended, start, until, working

REASONS = {
    SMALL: f"The fine-tuning of {SMALL} has failed: CUDA out of memory on rank 0.",
    MEDIUM: f"The deployment of {MEDIUM} is failed: ImagePullBackOff",
    LARGE: f"The evaluation of {LARGE} has failed: the evaluation container exited with code 137.",
}


@pytest.fixture
async def backends(nemo_settings: Settings, tmp_path: Path) -> AsyncIterator[Backends]:
    """Three candidates, two GPUs of each kind."""
    async with open_backends(with_three_candidates(nemo_settings, 2)) as opened:
        log = write_log_of(tmp_path / "log.jsonl", records=120)
        await import_files(opened.logs, [log], reject_dir=tmp_path)
        yield opened


async def run_to_its_end(backends: Backends, double: NemoDouble) -> RunView:
    """A run of all candidates; nothing of it may be left, and nothing was asked for twice."""
    async with working(backends):
        run = await start(backends, eval_size=30)
        view = await until(backends, run.id, ended, seconds=100)
    assert busy(double) == []
    assert twice(double) == {}
    return view


def stands(view: RunView, candidate: str) -> dict[str, str]:
    return {s.kind: s.status for s in view.steps if s.candidate == candidate}


async def test_a_run_whose_candidates_all_fail_names_each_with_its_reason(
    backends: Backends, double: NemoDouble
) -> None:
    double.world.trouble("training-fails", "1b-instruct")
    double.world.trouble("deployment-fails", "3b-instruct")
    double.world.trouble("evaluation-fails", "8b-instruct")
    view = await run_to_its_end(backends, double)
    assert view.status == "failed"
    assert view.error is not None
    assert view.error.startswith("No candidate could be scored. ")
    for candidate, reason in REASONS.items():
        assert f"{candidate}: {reason}" in view.error
        assert reason in next(c.error or "" for c in view.nims if c.model_name == candidate)
    # Each went as far as it could.
    assert stands(view, MEDIUM)["customize"] == "completed"
    assert stands(view, LARGE)["customize"] == "completed"
    assert {stands(view, LARGE)[kind] for kind in ("base-eval", "customized-eval")} == {"failed"}
    assert view.recommendation is None
    assert view.approval_id is None


@pytest.mark.slow
@pytest.mark.parametrize("trouble", ["training-fails", "deployment-fails", "evaluation-fails"])
async def test_one_that_fails_does_not_stop_the_others(
    backends: Backends, double: NemoDouble, trouble: str
) -> None:
    double.world.trouble(trouble, "3b-instruct")  # type: ignore[arg-type] # one of its own words
    view = await run_to_its_end(backends, double)
    assert view.status == "completed", view.error
    assert {c.model_name for c in view.nims if c.error} == {MEDIUM}
    assert view.recommendation is not None
    assert {c.model_name for c in view.recommendation.candidates} == {SMALL, LARGE}
    for candidate in (SMALL, LARGE):
        assert set(stands(view, candidate).values()) == {"completed"}
