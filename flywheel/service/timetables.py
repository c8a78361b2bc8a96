"""When the steps of all unfinished runs are expected to start and to end: one timetable of them."""

import asyncio
import logging
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.clock import utc_now
from flywheel.db.models import Run, Step
from flywheel.errors import FlywheelError
from flywheel.ports.backends import Backends
from flywheel.ports.platform import Platform
from flywheel.promotions.registry import IncumbentModel
from flywheel.runs.packing import (
    budget_of,
    demand_of_kind,
    expected_seconds_of_kind,
)
from flywheel.runs.state import run_ref
from flywheel.runs.timing import Stand, TimedStep, key_of, planned_steps, training_first
from flywheel.scheduling.packing import Demand, Pool
from flywheel.scheduling.timetable import Planned, Timed, timetable
from flywheel.views import RunView, StepView, WaitsView

log = logging.getLogger(__name__)

GOES_ON = ("pending", "running")  # one that is being cancelled starts nothing, and ends soon
_BUILD_SECONDS = 10.0
_RUNS_LOOKED_AT = 5
_BUDGET_SECONDS = 2.0  # whoever looks at a run does not wait longer for GPUs to be counted

Medians = Mapping[tuple[str, str], float]  # seconds, by kind and candidate
Unfinished = Sequence[tuple[Run, list[Step]]]


class Reckoning:
    """How long steps take: as in the last runs of their workload, else as the platform guesses."""

    def __init__(self, platform: Platform, measured: Mapping[str, Medians]) -> None:
        self._platform, self._measured = platform, measured

    def seconds(self, workload_id: str, step: TimedStep) -> float:
        """From its start to its end."""
        known = self._measured.get(workload_id, {}).get((step.kind, step.candidate))
        if known is not None:
            return known
        if step.kind == "build-datasets":
            return _BUILD_SECONDS
        return expected_seconds_of_kind(self._platform, step.kind, step.candidate)

    def demand(self, step: TimedStep, incumbent: str) -> Demand:
        """What it holds; a step that names no candidate is of the incumbent."""
        return demand_of_kind(self._platform, step.kind, step.candidate or incumbent)

    def planned(self, run: Run, rows: Sequence[Step], now: datetime) -> list[Planned]:
        """What is left of a run that goes on."""
        raw = run.incumbent
        incumbent = "" if raw is None else IncumbentModel.model_validate(raw).model_name
        return planned_steps(
            run.uid,
            rows,
            lambda step: self.seconds(run.workload_id, step),
            lambda step: self.demand(step, incumbent),
            priority=run.priority,
            asked_at=(run.created_at - now).total_seconds(),
            stands={
                key_of(run.uid, row): Stand(
                    row.status, _since(row.started_at, now), _since(row.ready_since, now) or 0.0
                )
                for row in rows
            },
        )


def times_of(
    planned: Sequence[Planned], budget: Mapping[Pool, int], patience: float
) -> dict[str, Timed]:
    """The timetable of steps of any runs, by key."""
    found = timetable(planned, budget, patience, training_first(planned))
    return {step.key: step for step in found}


async def unfinished(session: AsyncSession) -> Unfinished:
    """The runs that go on, with their steps."""
    runs = list(await session.exec(select(Run).where(col(Run.status).in_(GOES_ON))))
    ids = [run.id for run in runs]
    steps: dict[int, list[Step]] = defaultdict(list)
    for step in await session.exec(
        select(Step).where(col(Step.run_id).in_(ids)).order_by(col(Step.id))
    ):
        steps[step.run_id].append(step)
    return [(run, steps[run.id or 0]) for run in runs]


async def measured(session: AsyncSession, workloads: Iterable[str]) -> dict[str, Medians]:
    """Median seconds of the steps of the last completed runs, by workload."""
    return {workload: await _medians(session, workload) for workload in set(workloads)}


async def _medians(session: AsyncSession, workload_id: str) -> Medians:
    recent = (
        select(Run.id)
        .where(Run.workload_id == workload_id, Run.status == "completed")
        .order_by(col(Run.id).desc())
        .limit(_RUNS_LOOKED_AT)
    )
    ids = list(await session.exec(recent))
    rows = await session.exec(
        select(Step).where(col(Step.run_id).in_(ids), Step.status == "completed")
    )
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in rows:
        if row.started_at is not None and row.finished_at is not None:
            taken = (row.finished_at - row.started_at).total_seconds()
            found[row.kind, row.candidate].append(taken)
    return {key: median(values) for key, values in found.items()}


async def with_expectations(backends: Backends, views: list[RunView]) -> list[RunView]:
    """The views, those of runs that go on with what is expected of them.

    Where it cannot be known what there is to run on, nothing is expected. Times are those of a
    platform that all runs share; who holds what is told of those that can be seen.
    """
    if not any(view.status in GOES_ON for view in views):
        return views
    platform, patience = backends.platform, backends.settings.worker_config.patience_seconds
    try:
        async with asyncio.timeout(_BUDGET_SECONDS):
            budget = await budget_of(platform)
    except (FlywheelError, TimeoutError) as error:
        log.info("nothing is expected of runs: %s", error)
        return views
    async with backends.database.reading() as session:
        runs = await unfinished(session)
        reckoning = Reckoning(platform, await measured(session, (r.workload_id for r, _ in runs)))
    now = utc_now()
    planned = [step for run, rows in runs for step in reckoning.planned(run, rows, now)]
    times = await asyncio.to_thread(times_of, planned, budget, patience)
    uids = {run_ref(run.id): run.uid for run, _ in runs}
    waits = _waits([one for one in runs if one[0].workload_id not in backends.hidden], times)
    return [_expected(view, uids.get(view.id, ""), times, waits, now) for view in views]


def _waits(runs: Unfinished, times: Mapping[str, Timed]) -> dict[str, WaitsView]:
    """By key of a step that waits for room that other runs have: who has it, and its place."""
    holders: dict[str, set[int]] = defaultdict(set)
    waiting: dict[str, list[tuple[float, int, str]]] = defaultdict(list)
    for run, steps in runs:
        for step in steps:
            if not step.pool or step.released_at is not None:
                continue
            if step.started_at is not None:
                holders[step.pool].add(run.id or 0)
            elif step.status == "pending" and step.ready_since is not None:
                key = key_of(run.uid, step)
                start = times[key].start if key in times else math.inf
                waiting[step.pool].append((start, run.id or 0, key))
    found = {}
    for pool, steps_that_wait in waiting.items():
        for start, run_id, key in steps_that_wait:
            others = sorted(holders[pool] - {run_id})
            before = {other for earlier, other, _ in steps_that_wait if earlier < start} - {run_id}
            if others and start < math.inf:
                found[key] = WaitsView(
                    pool=pool, held_by=[run_ref(other) for other in others], place=len(before) + 1
                )
    return found


def _expected(
    view: RunView,
    uid: str,
    times: Mapping[str, Timed],
    waits: Mapping[str, WaitsView],
    now: datetime,
) -> RunView:
    if view.status not in GOES_ON or not uid:
        return view

    def of(step: StepView) -> StepView:
        key = f"{uid}|{step.kind}|{step.trial or 0}|{step.candidate or ''}"
        found = times.get(key)
        if step.status not in GOES_ON or found is None:
            return step
        expected: dict[str, datetime | WaitsView | None] = {
            "expected_start": now + timedelta(seconds=found.start)
            if step.status == "pending"
            else None,
            "expected_end": now + timedelta(seconds=found.end),
            "waits": waits.get(key),
        }
        return step.model_copy(update=expected)

    steps = [of(step) for step in view.steps]
    ends = [step.expected_end for step in steps if step.status in GOES_ON]
    known = [end for end in ends if end is not None]
    # A step that can never start leaves the end open.
    end = max(known) if known and len(known) == len(ends) else None
    return view.model_copy(update={"steps": steps, "expected_end": end})


def _since(moment: datetime | None, now: datetime) -> float | None:
    return None if moment is None else (now - moment).total_seconds()
