"""Runs on the double whose judge is a NIM of ours: one for all runs, and gone after the last."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from flywheel.ports.backends import Backends
from flywheel.service import garbage, runs
from flywheel.service.logs import import_files
from flywheel.settings import Settings
from flywheel.settings.endpoints import JudgeConfig
from flywheel.views import RunView
from flywheel.wiring import open_backends
from tests.support.nemo_double import NemoDouble
from tests.support.nemo_jobs import LARGE, SMALL, called, written
from tests.support.nemo_runs import busy, twice, with_three_candidates, write_log_of
from tests.support.running import ANALYST, ended, start, until, working
from tests.support.workers import kill, worker

JUDGE = "meta/llama-3.3-70b-instruct"
SHARED = "dfwfd/flywheel-shared-meta-llama-3.3-70b-instruct"
LOCAL = JudgeConfig(deployment_type="local", model_name=JUDGE, tag="1", gpus=2)
EVALUATED = 30
GENERIC = {"workload_id": "words", "settings": {"workload_type": "generic"}}
CALLS = {"workload_id": "calls", "settings": {"tool_eval_type": "tool-calling-judge"}}


@pytest.fixture
def judged_settings(nemo_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Four GPUs to serve, of which the judge takes two."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("FLYWHEEL_LLM_JUDGE_API_KEY", "not for the proxy")
    settings = with_three_candidates(nemo_settings, 4)
    return settings.model_copy(update={"llm_judge_config": LOCAL})


@pytest.fixture
async def backends(judged_settings: Settings, tmp_path: Path) -> AsyncIterator[Backends]:
    async with open_backends(judged_settings) as opened:
        for workload, make in (("words", written), ("calls", called)):
            log = write_log_of(tmp_path / f"{workload}.jsonl", make, 120, workload)
            await import_files(opened.logs, [log], reject_dir=tmp_path)
        yield opened


async def begun(backends: Backends, *candidates: str, **wishes: Any) -> RunView:
    return await start(
        backends, eval_size=EVALUATED, candidates=list(candidates or (SMALL,)), **wishes
    )


def is_up(double: NemoDouble) -> bool:
    return SHARED in double.world.deployments


async def once(double: NemoDouble, condition: Callable[[NemoDouble], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition(double):
            await asyncio.sleep(0.01)


def check_once(double: NemoDouble) -> None:
    """It was deployed once, and is gone with everything else."""
    assert double.world.made("deployment").count(SHARED) == 1
    assert double.world.made("deployment-deleted").count(SHARED) == 1
    assert busy(double) == []
    assert twice(double) == {}


def check_judged(view: RunView, task: str) -> None:
    """Every final answer has a score by the judge."""
    assert view.status == "completed", view.error
    assert view.llm_judge is not None
    assert view.llm_judge["model_name"] == JUDGE
    for candidate in view.nims:
        scores = candidate.customized
        assert scores is not None
        assert scores.judge is not None
        assert (scores.judge.model, scores.judge.task) == (JUDGE, task)
        assert scores.judge.scored == EVALUATED


@pytest.mark.slow
@pytest.mark.parametrize(("wishes", "task"), [(GENERIC, "similarity"), (CALLS, "tool-calling")])
async def test_a_run_is_judged_by_a_nim_that_is_deployed_for_it(
    backends: Backends, double: NemoDouble, wishes: dict[str, Any], task: str
) -> None:
    assert await backends.platform.budget() == {"training": 4, "inference": 2}
    async with working(backends):
        run = await begun(backends, SMALL, LARGE, **wishes)
        view = await until(backends, run.id, ended, seconds=100)
    check_judged(view, task)
    steps = {s.kind: s.status for s in view.steps if s.candidate is None}
    assert steps["deploy-judge"] == steps["undeploy-judge"] == "completed"
    check_once(double)


@pytest.mark.slow
async def test_two_runs_share_the_judge_until_the_last_of_them_has_ended(
    backends: Backends, double: NemoDouble
) -> None:
    async with working(backends):
        first = await begun(backends, **GENERIC)
        await once(double, is_up)
        second = await begun(backends, LARGE, **GENERIC)
        double.world.trouble("evaluation-stuck", "8b-instruct-customized-eval")
        check_judged(await until(backends, first.id, ended, seconds=60), "similarity")
        assert is_up(double), "the second run needs it"
        assert await garbage.leftovers(backends) == []
        double.world.troubles.clear()
        check_judged(await until(backends, second.id, ended, seconds=60), "similarity")
    check_once(double)


async def test_cancelling_the_only_run_takes_the_judge_down(
    backends: Backends, double: NemoDouble
) -> None:
    double.world.trouble("stuck")
    async with working(backends):
        run = await begun(backends, **GENERIC)
        await until(
            backends,
            run.id,
            lambda view: any(
                (s.kind, s.status) == ("deploy-judge", "completed") for s in view.steps
            ),
        )
        await runs.cancel_run(backends, run.id, ANALYST)
        accepted = time.monotonic()
        view = await until(backends, run.id, ended, seconds=30)
        print(f"\nconfirmed after {time.monotonic() - accepted:.2f} s")
    assert view.status == "cancelled"
    check_once(double)


@pytest.mark.slow
async def test_a_judge_that_does_not_come_up_is_the_reason_and_is_asked_for_once(
    backends: Backends, double: NemoDouble
) -> None:
    double.world.trouble("deployment-fails", "shared")
    async with working(backends):
        run = await begun(backends, SMALL, LARGE, **GENERIC)
        view = await until(backends, run.id, ended, seconds=60)
    assert view.status == "failed"
    assert (view.error or "").startswith(
        f"No candidate could be scored. The deployment of {JUDGE} is failed: ImagePull"
    )
    assert {s.status for s in view.steps if s.kind.endswith("eval")} == {"skipped"}
    check_once(double)


@pytest.mark.slow
async def test_a_worker_that_is_killed_leaves_no_judge_behind(
    judged_settings: Settings, double: NemoDouble, tmp_path: Path
) -> None:
    environment = {
        "FLYWHEEL_CONFIG": str(tmp_path / "config.yaml"),
        "FLYWHEEL_NMP_CONFIG__GPU_BUDGET": '{"training": 4, "inference": 4}',
        "FLYWHEEL_LLM_JUDGE_CONFIG": LOCAL.model_dump_json(exclude_unset=True),
    }
    async with open_backends(judged_settings, with_queue=False) as outside:
        log = write_log_of(tmp_path / "words.jsonl", written, 120, "words")
        await import_files(outside.logs, [log], reject_dir=tmp_path)
        run = await begun(outside, **GENERIC)
        async with worker(judged_settings, **environment) as process:
            await once(double, is_up)
            await kill(process)
        assert [one.name for one in await garbage.leftovers(outside)] == []
        async with worker(judged_settings, **environment):
            view = await until(outside, run.id, ended, seconds=90)
    assert view.status == "completed", view.error
    check_once(double)
