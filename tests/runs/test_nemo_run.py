"""Whole runs on the double of NeMo Microservices: real steps, real queue, real worker."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import orjson
import pytest

from flywheel.ports.backends import Backends
from flywheel.receipts.document import Receipt
from flywheel.service import receipts, runs
from flywheel.service.logs import import_files
from flywheel.settings import Settings
from flywheel.views import RunView
from flywheel.wiring import open_backends
from tests.support.nemo_double import NemoDouble
from tests.support.nemo_runs import (
    THREE,
    busy,
    real_calls,
    twice,
    with_three_candidates,
    write_calls,
    write_log_of,
)
from tests.support.running import ANALYST, ended, start, until, working

POLICY = "reference: teacher\nmin_records: 30\nmargin: 0.2\n"
EVALUATED = 30
EVALS = ["base-eval", "icl-eval", "customized-eval"]


@pytest.fixture
async def backends(
    nemo_settings: Settings, request: pytest.FixtureRequest
) -> AsyncIterator[Backends]:
    """With one GPU to train and one to serve, or with more of them."""
    settings = with_three_candidates(nemo_settings, getattr(request, "param", 1))
    async with open_backends(settings) as opened:
        yield opened


async def completed(backends: Backends, log: Path) -> RunView:
    """A run of three candidates on that log, once it has ended well."""
    await import_files(backends.logs, [log], reject_dir=log.parent)
    log.with_name("policy.yaml").write_text(POLICY)
    async with working(backends):
        run = await start(backends, log.with_name("policy.yaml"), eval_size=EVALUATED)
        view = await until(backends, run.id, ended, seconds=150)
    assert view.status == "completed", view.error
    return view


async def check_complete(view: RunView, backends: Backends, double: NemoDouble) -> None:
    """Every candidate has every score, a verdict and a place in the receipt; all was done once."""
    assert [candidate.model_name for candidate in view.nims] == list(THREE)
    assert {candidate.error for candidate in view.nims} == {None}
    for candidate in view.nims:
        assert sorted(e.eval_type for e in candidate.evaluations) == sorted(EVALS)
    assert view.recommendation is not None
    assert {c.model_name for c in view.recommendation.candidates} == set(THREE)
    document = orjson.loads(await receipts.receipt_of(backends, view.id))
    signed = Receipt.model_validate(document["receipt"])
    assert signed.recommendation == view.recommendation
    assert {c.name: c.scores for c in signed.candidates} == {
        c.model_name: c.customized for c in view.nims
    }
    assert {c.digest for c in signed.candidates} == {c.customizations[0].digest for c in view.nims}
    assert busy(double) == []
    assert twice(double) == {}
    made = double.world.made
    assert len(made("customization")) == len(made("deployment")) == 3
    assert len(made("deployment-deleted")) == 3
    assert len(made("evaluation")) == len(EVALS) * 3


@pytest.mark.slow
async def test_three_candidates_share_a_gpu_of_each_kind(
    backends: Backends, double: NemoDouble, tmp_path: Path
) -> None:
    view = await completed(backends, write_log_of(tmp_path / "log.jsonl"))
    await check_complete(view, backends, double)
    for candidate in view.nims:
        assert candidate.customized is not None
        assert candidate.base is not None
        assert candidate.customized.macro_f1 is not None
        assert candidate.base.macro_f1 is not None
        assert candidate.customized.macro_f1.value > 0.8 > candidate.base.macro_f1.value
    assert view.recommendation is not None
    assert {c.verdict for c in view.recommendation.candidates} == {"promote"}
    assert view.approval_id is not None

    assert await runs.delete_run(backends, view.id, ANALYST) == []
    assert double.world.datasets == {}


@pytest.mark.parametrize("backends", [3], indirect=True)
@pytest.mark.parametrize(
    ("log_of", "learned"),
    [(write_calls, True), pytest.param(real_calls, False, marks=pytest.mark.slow)],
)
async def test_three_candidates_learn_to_call_tools(
    backends: Backends,
    double: NemoDouble,
    tmp_path: Path,
    log_of: Callable[[Path], Path],
    learned: bool,
) -> None:
    view = await completed(backends, log_of(tmp_path / "log.jsonl"))
    await check_complete(view, backends, double)
    assert view.dataset_report is not None
    assert view.dataset_report.workload_type == "tool_calling"
    assert view.recommendation is not None
    verdicts = {c.verdict for c in view.recommendation.candidates}
    for candidate in view.nims:
        flat = {e.eval_type: e.scores for e in candidate.evaluations}
        names, exact = "function_name_accuracy", "function_name_and_args_accuracy"
        print(candidate.model_name, {kind: (s[names], s[exact]) for kind, s in flat.items()})
        for scores in flat.values():
            assert 1 >= scores[names] >= scores[exact] >= 0
        if learned:
            assert flat["customized-eval"][exact] > 0.8 > flat["base-eval"][exact]
        else:  # real arguments are seldom seen twice, but the right tool can be found
            assert flat["customized-eval"][names] > flat["base-eval"][names]
    assert verdicts == {"promote" if learned else "keep"}


async def test_a_cancelled_run_leaves_nothing_running(
    backends: Backends, double: NemoDouble, tmp_path: Path
) -> None:
    double.world.trouble("stuck")
    log = write_log_of(tmp_path / "log.jsonl")
    await import_files(backends.logs, [log], reject_dir=tmp_path)

    def trains(view: RunView) -> bool:
        return any(s.kind == "customize" and s.status == "running" for s in view.steps)

    async with working(backends):
        run = await start(backends, eval_size=40)
        await until(backends, run.id, trains, seconds=100)
        await runs.cancel_run(backends, run.id, ANALYST)
        view = await until(backends, run.id, ended, seconds=100)
    assert view.status == "cancelled"
    assert busy(double) == []
    states = {job["status"] for job in double.world.customizations.values()}
    assert states <= {"cancelled"}
    assert double.world.gpus_used == {}
