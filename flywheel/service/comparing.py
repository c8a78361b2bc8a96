"""Two runs of a workload, put side by side."""

import asyncio
from collections.abc import Iterable, Iterator

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.datasets.report import DatasetReport
from flywheel.db.models import Run
from flywheel.decisions.answered import difference
from flywheel.decisions.comparison import (
    CandidateSides,
    Comparison,
    RunSide,
    Scored,
    SettingChange,
    changed_settings,
    verdict_of,
)
from flywheel.decisions.policy import PolicyDocument
from flywheel.decisions.regression import Shift, change_of, comparable
from flywheel.decisions.verdict import Recommendation
from flywheel.errors import ConflictError, DataError, InvalidInputError, NotFoundError
from flywheel.evaluation.scores import Scores
from flywheel.ports.backends import Backends
from flywheel.runs.answers import load_answers
from flywheel.runs.history import completed_before
from flywheel.runs.state import RunState, load_state, run_ref
from flywheel.service.naming import find, is_last


async def compare_runs(
    backends: Backends, ref: str = "last", other: str | None = None
) -> Comparison:
    """Compare two completed runs of one workload, in whichever order they are named.

    'last' is the last completed one. Without `other` with the completed one before.
    Raises NotFoundError where there is none, ConflictError where one is not complete or they are
    of different workloads, InvalidInputError where they are the same.
    """
    async with backends.database.reading() as session:
        one = await _find(session, ref, backends.hidden)
        two = (
            await _before(session, one)
            if other is None
            else await _find(session, other, backends.hidden)
        )
        if one == two:
            raise InvalidInputError(
                f"{run_ref(one)} cannot be compared with itself.", "Name two runs."
            )
        before, after = [await load_state(session, run_id) for run_id in sorted((one, two))]
    for state in (before, after):
        if state.run.status != "completed":
            raise ConflictError(
                f"{run_ref(state.run.id)} is {state.run.status}, so it has no results.",
                "Compare runs that are complete.",
            )
    if before.run.workload_id != after.run.workload_id:
        raise ConflictError(
            f"{run_ref(before.run.id)} is of {before.run.workload_id} and "
            f"{run_ref(after.run.id)} of {after.run.workload_id}.",
            "Only runs of one workload can be compared.",
        )
    return await _compared(backends, before, after)


async def _find(session: AsyncSession, ref: str, hidden: frozenset[str]) -> int:
    if not is_last(ref):
        return await find(session, ref, hidden)
    query = select(func.max(Run.id)).where(Run.status == "completed")
    query = query.where(col(Run.workload_id).not_in(hidden)) if hidden else query
    newest = (await session.exec(query)).one()
    if newest is None:
        raise NotFoundError("No run is complete yet.", "`flywheel runs` lists them.")
    return int(newest)


async def _before(session: AsyncSession, run_id: int) -> int:
    found = (await completed_before(session, [run_id])).get(run_id)
    if found is None:
        raise NotFoundError(
            f"There is no completed run of the workload before {run_ref(run_id)}.",
            "Name the run to compare with, or run the workload again.",
        )
    return found


async def _compared(backends: Backends, before: RunState, after: RunState) -> Comparison:
    older, newer = _side(before), _side(after)
    same = bool(older.eval_digest) and older.eval_digest == newer.eval_digest
    names = dict.fromkeys(c.name for state in (after, before) for c in state.candidates)
    scores = {name: (_final(before, name), _final(after, name)) for name in names}
    paired = [name for name, pair in scores.items() if same and _pair(*pair)]
    confidence = max((c for pair in scores.values() for c in _confidence(pair)), default=0.95)
    # Of twenty candidates one would differ by luck (Bonferroni).
    level = 1 - (1 - confidence) / max(len(paired), 1)
    candidates = [
        CandidateSides(
            model_name=name,
            older=_scored(one),
            newer=_scored(other),
            shift=await _shift(backends, before, after, name, level) if name in paired else None,
        )
        for name, (one, other) in scores.items()
        if one is not None or other is not None
    ]
    return Comparison(
        workload_id=after.run.workload_id,
        older=older,
        newer=newer,
        same_records=same,
        confidence=confidence,
        candidates=sorted(candidates, key=_rank),
        settings=_settings(before, after),
    )


def _final(state: RunState, name: str) -> Scores | None:
    known = any(candidate.name == name for candidate in state.candidates)
    return state.final_scores(name) if known else None


def _pair(one: Scores | None, other: Scores | None) -> bool:
    """Whether the headline scores of both measure the same, by the same judge."""
    return one is not None and other is not None and comparable(other, one, other.metric)


def _confidence(pair: Iterable[Scores | None]) -> Iterator[float]:
    for scores in pair:
        if scores is not None and scores.headline is not None:
            yield scores.headline.interval.confidence


def _rank(sides: CandidateSides) -> tuple[bool, float]:
    best = sides.newer or sides.older
    return sides.newer is None, -(best.interval.value if best is not None else 0.0)


def _scored(scores: Scores | None) -> Scored | None:
    found = None if scores is None else scores.headline
    return (
        None if found is None else Scored(metric=found.metric, interval=found.interval, n=found.n)
    )


async def _shift(
    backends: Backends, before: RunState, after: RunState, name: str, confidence: float
) -> Shift | None:
    """How far the candidate has moved, on the records that both runs have."""
    scores = [state.final_scores(name) for state in (before, after)]
    if scores[0] is None or scores[1] is None:
        return None
    metric = scores[1].metric
    one, other = scores[0].share(metric), scores[1].share(metric)
    then, now = [
        await load_answers(backends, state.run.id, name, state.candidate(name).final_eval, metric)
        for state in (before, after)
    ]
    if then.records != now.records or one is None or other is None:
        return None
    try:
        found = await asyncio.to_thread(
            difference,
            now,
            then,
            metric,
            margin=0.0,
            resamples=after.config.evaluation_config.bootstrap_resamples,
            confidence=confidence,
            seed=after.run.seed,
        )
    except DataError:  # no record was judged for both
        return None
    return Shift(
        before=one.value,
        after=other.value,
        low=found.low,
        high=found.high,
        change=change_of(found.low, found.high),
    )


def _side(state: RunState) -> RunSide:
    run = state.run
    report = DatasetReport.model_validate(run.dataset_report)
    verdict, recommended = verdict_of(
        None if run.recommendation is None else Recommendation.model_validate(run.recommendation)
    )
    return RunSide(
        run_id=run_ref(run.id),
        client_id=run.client_id,
        finished_at=run.finished_at,
        records=report.read,
        train=report.train,
        eval=report.eval,
        eval_digest=next((d.digest for d in state.datasets if d.name == "eval"), ""),
        seed=run.seed,
        teacher=report.teacher.model_name,
        verdict=verdict,
        recommended=recommended,
    )


def _settings(before: RunState, after: RunState) -> list[SettingChange]:
    changes = changed_settings(
        before.config.model_dump(mode="json"), after.config.model_dump(mode="json")
    )
    older, newer = _policy(before), _policy(after)
    if older != newer:
        changes.append(SettingChange(name="policy", older=older, newer=newer))
    return changes


def _policy(state: RunState) -> str:
    """Its name and the beginning of its digest."""
    if state.run.policy is None:
        return "none"
    policy = PolicyDocument.model_validate(state.run.policy)
    return f"{policy.name} ({policy.sha256[:12]})"
