"""Evaluations of runs that have ended, written down where experiments are compared."""

import asyncio
import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import update
from sqlmodel import col, select

from flywheel.clock import utc_now
from flywheel.db.models import Evaluation, Prediction, Receipt, Run, Step
from flywheel.errors import FlywheelError
from flywheel.evaluation.scores import Scores
from flywheel.plots.picture import PictureName
from flywheel.ports.backends import Backends
from flywheel.ports.platform import ModelArtifact
from flywheel.ports.tracking import Cell, TrackedDataset, TrackedEvaluation, TrackedTable
from flywheel.runs.present import flat_scores, present
from flywheel.runs.state import RunState, load_state, run_ref
from flywheel.views import CandidateView, RunView

log = logging.getLogger(__name__)

# Whoever has claimed a run and is not heard of again leaves it to others after this; also the
# time until the next attempt where the server is away.
AGAIN = timedelta(seconds=120)

_COLUMNS = (
    "row",
    "record_id",
    "expected",
    "answer",
    "label",
    "correct",
    "judged",
    "seconds",
    "input_tokens",
    "output_tokens",
    "confidence",
)


async def track_due(backends: Backends) -> int:
    """Write down what has ended and is not written yet; how many runs were.

    Where that fails the reason is logged, and it is tried again later.
    """
    tracker, done = backends.tracker, 0
    while tracker is not None and (run_id := await _claim(backends)) is not None:
        try:
            await track_run(backends, run_id)
        except FlywheelError as error:
            log.warning("%s could not be tracked, and will be later: %s", run_ref(run_id), error)
            continue
        await _settle(backends, run_id)
        done += 1
    return done


async def track_run(backends: Backends, run_id: int) -> None:
    """Write down the evaluations of one run; again is the same as once."""
    tracker = backends.tracker
    assert tracker is not None  # the caller has looked
    async with backends.database.transaction() as session:
        state = await load_state(session, run_id)
        query = select(Receipt.document).where(Receipt.run_uid == state.run.uid)
        receipt = (await session.exec(query)).one_or_none()
    view = await asyncio.to_thread(present, state)
    common = await asyncio.to_thread(_pictures, view, ("scores", "cost"))
    if receipt is not None:
        common["receipt.json"] = receipt.encode()
    for evaluation in state.evaluations:
        if evaluation.mlflow_uri is not None:
            continue
        answers = await _answers(backends, evaluation)
        made = await asyncio.to_thread(_Made(state, view, common).of, evaluation, answers)
        uri = await tracker.track(made)
        async with backends.database.transaction() as session:
            stored = await session.get(Evaluation, evaluation.id)
            if stored is not None:  # else the run was deleted meanwhile
                stored.mlflow_uri = uri
                continue
        await tracker.remove(state.run.uid)


async def _claim(backends: Backends) -> int | None:
    """A run that is due, for us alone."""
    now = utc_now()
    due = (
        select(Run.id)
        .where(col(Run.track_at).is_not(None), col(Run.track_at) <= now)
        .order_by(col(Run.track_at))
        .limit(1)
    )
    async with backends.database.transaction() as session:
        claimed = await session.exec(
            update(Run)
            .where(col(Run.id).in_(due.scalar_subquery()), col(Run.track_at) <= now)
            .values(track_at=now + AGAIN)
            .returning(col(Run.id))
            .execution_options(synchronize_session=False)
        )
        return claimed.scalar_one_or_none()


async def _settle(backends: Backends, run_id: int) -> None:
    async with backends.database.transaction() as session:
        await session.exec(
            update(Run)
            .where(col(Run.id) == run_id)
            .values(track_at=None, version=Run.version + 1)
            .execution_options(synchronize_session=False)
        )


async def _answers(backends: Backends, evaluation: Evaluation) -> TrackedTable:
    columns = [getattr(Prediction, name) for name in _COLUMNS]
    query = (
        select(*columns)
        .where(Prediction.evaluation_id == evaluation.id)
        .order_by(col(Prediction.row))
    )
    async with backends.database.transaction() as session:
        rows: list[list[Cell]] = [list(row) for row in await session.exec(query)]
    return TrackedTable(columns=list(_COLUMNS), rows=rows)


@dataclass(frozen=True)
class _Made:
    """What is written of the evaluations of one run."""

    state: RunState
    view: RunView
    common: dict[str, bytes]  # files of all of them

    def of(self, evaluation: Evaluation, answers: TrackedTable) -> TrackedEvaluation:
        """One of them."""
        run, scores = self.state.run, Scores.model_validate(evaluation.scores)
        incumbent = self.state.incumbent()
        model = evaluation.candidate or (incumbent.name if incumbent else "incumbent")
        step = self._step(evaluation)
        return TrackedEvaluation(
            key="-".join(filter(None, (run.uid, evaluation.candidate, evaluation.eval_type))),
            run_uid=run.uid,
            workload_id=run.workload_id,
            name=f"{run_ref(run.id)} {model} {evaluation.eval_type}",
            description=run.summary or run.error or "",
            started_at=(step and step.started_at) or evaluation.created_at,
            finished_at=(step and step.finished_at) or evaluation.created_at,
            tags=dict(self._tags(evaluation, model)),
            parameters=self._parameters(evaluation),
            metrics=dict(_metrics(scores)),
            datasets=[
                TrackedDataset(
                    name=d.name,
                    digest=d.digest,
                    num_records=d.num_records,
                    uri=d.remote_uri or d.uri,
                )
                for d in self.state.datasets
            ],
            answers=answers,
            files=self._files(model, scores),
        )

    def _step(self, evaluation: Evaluation) -> Step | None:
        key = (evaluation.eval_type, evaluation.candidate)
        return next((s for s in self.state.steps if (s.kind, s.candidate) == key), None)

    def _tags(self, evaluation: Evaluation, model: str) -> Iterator[tuple[str, str]]:
        run = self.state.run
        yield "flywheel.run", run_ref(run.id)
        yield "flywheel.workload", run.workload_id
        yield "flywheel.client", run.client_id or ""
        yield "flywheel.requested_by", run.requested_by
        yield "flywheel.status", run.status
        yield "flywheel.model", model
        yield "flywheel.eval_type", evaluation.eval_type
        for dataset in self.state.datasets:
            yield f"flywheel.sha256.{dataset.name}", dataset.digest
        said = self.view.recommendation
        for verdict in said.candidates if said is not None else ():
            final = self._speaks(evaluation)
            if verdict.model_name == evaluation.candidate and final:
                yield "flywheel.verdict", verdict.verdict

    def _speaks(self, evaluation: Evaluation) -> bool:
        """Whether the verdict on the candidate goes by it."""
        name = evaluation.candidate
        return bool(name) and self.state.candidate(name).final_eval == evaluation.eval_type

    def _parameters(self, evaluation: Evaluation) -> dict[str, Cell]:
        """The hyper-parameters of what was asked, and the seed."""
        artifact: ModelArtifact | None = None
        if evaluation.eval_type == "incumbent-eval":
            incumbent = self.state.incumbent()
            artifact = None if incumbent is None else incumbent.artifact
        elif self._speaks(evaluation):
            artifact = self.state.artifact(evaluation.candidate)
        found: dict[str, Cell] = {} if artifact is None else {**artifact.params}
        return {"eval_type": evaluation.eval_type, "seed": self.state.run.seed, **found}

    def _files(self, model: str, scores: Scores) -> dict[str, bytes]:
        """Those of the whole run, and the pictures of this one evaluation."""
        only = CandidateView(
            model_name=model,
            status="completed",
            runtime_seconds=0,
            evaluations=[],
            customizations=[],
            customized=scores,
        )
        view = self.view.model_copy(update={"nims": [only]})
        return {**self.common, **_pictures(view, ("confusion", "classes"))}


def _pictures(view: RunView, only: Collection[PictureName]) -> dict[str, bytes]:
    from flywheel.plots.album import draw  # only here: matplotlib is slow to import

    return {f"pictures/{picture.name}.png": picture.png for picture in draw(view, only).drawn}


def _metrics(scores: Scores) -> Iterator[tuple[str, float]]:
    """Every score, its interval where it has one, latency and cost."""
    yield "n", float(scores.n)
    yield from flat_scores(scores).items()
    for name in ("macro_f1", "weighted_f1", "accuracy", "tool_calls", "function_names"):
        found = scores.of(name)
        if found is not None:
            yield f"{name}_low", found.low
            yield f"{name}_high", found.high
    for name in ("seconds", "seconds_p50", "seconds_p95", "seconds_p99", "cost_per_1000"):
        value = getattr(scores, name)
        if value is not None:
            yield name, float(value)
    for one in scores.per_class:
        yield f"f1/{_metric_name(one.label)}", one.f1


def _metric_name(label: str) -> str:
    """MLflow takes letters, digits and -_. /: in the names of metrics."""
    return "".join(c if c.isalnum() or c in "-_. " else "_" for c in label)[:200]
