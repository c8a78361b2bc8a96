"""Runs on the double that are cancelled in the middle of each kind of step that works outside."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlmodel import col, select

from flywheel import processes
from flywheel.db.models import Run
from flywheel.ports.backends import Backends
from flywheel.service import planning, promotions, runs
from flywheel.service.logs import import_files
from flywheel.settings import Settings
from flywheel.settings.sections import Secrets
from flywheel.views import RunRequest, RunView
from flywheel.wiring import open_backends
from tests.support.judge_server import KEY, JudgeServer, judging
from tests.support.nemo_double import NemoDouble
from tests.support.nemo_jobs import LARGE, SMALL, classified, written
from tests.support.nemo_runs import busy, with_three_candidates, write_log_of
from tests.support.running import ANALYST, APPROVER, ended, start, until, working

POLL = 0.5  # seconds, the worker's default
LOOK = 1.0  # one look at a run, on a machine that has more to do
EVALUATED = 30
OFTEN = 10**6

Held = Callable[[NemoDouble], bool]


def hold_upload(double: NemoDouble) -> Held:
    fault = double.fault("POST .*/preupload/", "hold")
    return lambda _: fault.met > 0


def hold_deploy(double: NemoDouble) -> Held:
    double.world.trouble("deployment-pending")
    return lambda double: bool(double.world.gpus_used)


def hold_training(double: NemoDouble) -> Held:
    double.world.trouble("stuck")
    return lambda double: bool(double.world.made("customization"))


def hold_removal(double: NemoDouble) -> Held:
    fault = double.fault("DELETE .*/model-deployments/", "status", times=OFTEN, status=503)
    return lambda _: fault.met > 0


def hold_evaluation(kind: str) -> Callable[[NemoDouble], Held]:
    def hold(double: NemoDouble) -> Held:
        double.world.trouble("evaluation-stuck", kind)
        return lambda double: any(name.endswith(kind) for name in double.world.made("evaluation"))

    return hold


HOLDS: dict[str, Callable[[NemoDouble], Held]] = {
    "upload-datasets": hold_upload,
    "deploy": hold_deploy,
    "customize": hold_training,
    "base-eval": hold_evaluation("base-eval"),
    "icl-eval": hold_evaluation("icl-eval"),
    "customized-eval": hold_evaluation("customized-eval"),
    "undeploy": hold_removal,
}
FAST = {"upload-datasets"}


@pytest.fixture
async def judge(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[JudgeServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("FLYWHEEL_LLM_JUDGE_API_KEY", KEY)
    async with judging() as server:
        yield server


@pytest.fixture
async def backends(
    nemo_settings: Settings, judge: JudgeServer, tmp_path: Path
) -> AsyncIterator[Backends]:
    """Three candidates, two GPUs of each kind, and records to be labelled."""
    settings = with_three_candidates(nemo_settings, 2)
    update = {
        "worker_config": settings.worker_config.model_copy(update={"poll_seconds": POLL}),
        "llm_judge_config": judge.config(),
        "secrets": Secrets(llm_judge_api_key=SecretStr(KEY)),
    }
    async with open_backends(settings.model_copy(update=update)) as opened:
        for workload, make in (("news", classified), ("words", written)):
            log = write_log_of(tmp_path / f"{workload}.jsonl", make, 120, workload)
            await import_files(opened.logs, [log], reject_dir=tmp_path)
        yield opened


async def cancelled(backends: Backends, double: NemoDouble, run: RunView, kind: str) -> RunView:
    """Cancel it, let go of what is held, and see how soon nothing runs outside any more."""
    await runs.cancel_run(backends, run.id, ANALYST)
    if kind == "upload-datasets":  # a request under way cannot be called back, only those after it
        await looked_at(backends)
    accepted = time.monotonic()
    for fault in double.faults:
        fault.let_go, fault.times = True, 0
    async with asyncio.timeout(30):
        while found := busy(double):
            await asyncio.sleep(0.01)
    took = time.monotonic() - accepted
    view = await until(backends, run.id, ended, seconds=30)
    confirmed = time.monotonic() - accepted
    print(f"\n{kind}: idle after {took:.2f} s, confirmed after {confirmed:.2f} s")
    assert took <= POLL + LOOK, found
    assert confirmed <= 2 * (POLL + LOOK), "what has stopped is seen at the next look"
    assert view.status == "cancelled"
    assert {s.status for s in view.steps} <= {"completed", "skipped", "cancelled"}
    assert busy(double) == [], "what had been asked for came into being later"
    return view


async def looked_at(backends: Backends) -> None:
    """Wait for a whole look at the newest run that begins after now."""
    query = select(Run.fence).order_by(col(Run.id).desc()).limit(1)

    async def fence() -> int:
        async with backends.database.transaction() as session:
            return (await session.exec(query)).one()

    before = await fence()
    async with asyncio.timeout(30):
        while await fence() < before + 2:
            await asyncio.sleep(0.01)


def in_step(kind: str) -> Callable[[RunView], bool]:
    return lambda view: any((s.kind, s.status) == (kind, "running") for s in view.steps)


async def reached(backends: Backends, run: RunView, double: NemoDouble, held: Held) -> None:
    """Wait until the double holds what it should."""
    async with asyncio.timeout(60):
        while not held(double):
            await asyncio.sleep(0.01)
            view = await runs.get_run(backends, run.id)
            assert not ended(view), view.error


@pytest.mark.parametrize(
    "kind",
    [kind if kind in FAST else pytest.param(kind, marks=pytest.mark.slow) for kind in HOLDS],
)
async def test_cancelling_leaves_nothing_running_within_a_look(
    backends: Backends, double: NemoDouble, kind: str
) -> None:
    held = HOLDS[kind](double)
    async with working(backends):
        run = await start(backends, eval_size=EVALUATED)
        await until(backends, run.id, in_step(kind), seconds=60)
        await reached(backends, run, double, held)
        await cancelled(backends, double, run, kind)
    if kind == "upload-datasets":
        assert double.world.made("commit") == [], "its thread went on"


@pytest.mark.slow
async def test_a_job_that_nemo_does_not_stop_keeps_no_other_from_being_stopped(
    backends: Backends, double: NemoDouble
) -> None:
    held = hold_training(double)
    double.world.trouble("deployment-pending")
    double.fault("POST .*/customization/jobs/.*/cancel", "status", times=OFTEN, status=403)
    async with working(backends):
        run = await start(backends, eval_size=EVALUATED)
        await until(backends, run.id, in_step("deploy"), seconds=60)
        await reached(backends, run, double, held)
        await runs.cancel_run(backends, run.id, ANALYST)
        async with asyncio.timeout(30):
            while double.world.deployments:
                await asyncio.sleep(0.01)
        assert (await runs.get_run(backends, run.id)).status == "cancelling"
        double.faults.clear()
        view = await until(backends, run.id, ended, seconds=30)
    assert view.status == "cancelled"
    assert busy(double) == []


@pytest.mark.slow
async def test_cancelling_while_the_incumbent_is_scored(
    backends: Backends, double: NemoDouble, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("reference: incumbent\nmin_records: 30\nmargin: 0.2\n")
    async with working(backends):
        first = await start(backends, policy, eval_size=EVALUATED, candidates=[SMALL])
        view = await until(backends, first.id, ended, seconds=60)
        assert view.status == "completed", view.error
        await promotions.promote(backends, first.id, SMALL, APPROVER, "as good")
        request = RunRequest(workload_id="news", candidates=[SMALL, LARGE])
        planned = await planning.plan_run(backends, request)
        served = {s.candidate: s.amount for s in planned.steps if s.kind == "deploy"}
        assert served == {None: 1, SMALL: 1, LARGE: 1}, "the incumbent takes GPUs as well"

        held = hold_evaluation("incumbent-eval")(double)
        run = await start(backends, policy, eval_size=EVALUATED, candidates=[SMALL, LARGE])
        await until(backends, run.id, in_step("incumbent-eval"), seconds=60)
        await reached(backends, run, double, held)
        await cancelled(backends, double, run, "incumbent-eval")


@pytest.mark.slow
async def test_cancelling_while_answers_are_judged(
    backends: Backends, double: NemoDouble, judge: JudgeServer
) -> None:
    judge.limit = 3 * EVALUATED  # those of the three evaluations: Evaluator asks as well
    async with working(backends):
        run = await start(
            backends,
            workload_id="words",
            eval_size=EVALUATED,
            candidates=[SMALL],
            settings={"workload_type": "generic"},
        )
        await until(backends, run.id, in_step("judge"), seconds=60)
        await asyncio.wait_for(judge.held.wait(), 30)
        await cancelled(backends, double, run, "judge")
    (folder,) = (path.parent for path in backends.settings.home.glob("runs/*/judge/*/pid"))
    assert (await processes.poll(folder)).state == "cancelled"
