"""What a run would take: its timetable among the runs that go on."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from statistics import median

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.clock import utc_now
from flywheel.db.models import Run, Step
from flywheel.ports.backends import Backends
from flywheel.promotions import registry
from flywheel.runs.graph import ACTIVE_RUN, PLATFORM_KINDS, plan
from flywheel.runs.packing import demand_of_kind, expected_seconds_of_kind
from flywheel.runs.timing import TimedStep, key_of, planned_steps, training_first
from flywheel.scheduling.packing import Demand, too_large
from flywheel.scheduling.timetable import Planned, timetable
from flywheel.service.runs import chosen_candidates
from flywheel.views import PlannedStepView, PlanView, RunRequest

_NEW = "new"
_BUILD_SECONDS = 10.0
_RUNS_LOOKED_AT = 5


async def plan_run(backends: Backends, request: RunRequest) -> PlanView:
    """The schedule of a run that has not been started.

    Times are the medians of the last completed runs of the workload where there are some. Raises
    NotFoundError, InvalidInputError, SettingsError like `start_run`.
    """
    candidates = await chosen_candidates(backends, request)
    platform, now = backends.platform, utc_now()
    budget = dict(await platform.budget())
    async with backends.database.transaction() as session:
        measured = await _measured(session, request.workload_id)
        incumbent = await registry.incumbent_model(session, request.workload_id)
        others = await _unfinished(session)

    def seconds(step: TimedStep) -> float:
        known = measured.get((step.kind, step.candidate))
        if known is not None:
            return known
        if step.kind == "build-datasets":
            return _BUILD_SECONDS
        return expected_seconds_of_kind(platform, step.kind, step.candidate)

    def demand_with(incumbent: str) -> Callable[[TimedStep], Demand]:
        return lambda step: demand_of_kind(platform, step.kind, step.candidate or incumbent)

    steps = plan(
        candidates, incumbent is not None, uploads=platform.uploads, deploys=platform.deploys
    )
    demand = demand_with(incumbent.model_name if incumbent else "")
    own = planned_steps(_NEW, steps, seconds, demand, priority=request.priority)
    everything = [
        *(
            step
            for run, rows in others
            for step in _going_on(run, rows, seconds, demand_with(_incumbent_of(run)), now)
        ),
        *own,
    ]
    keys = frozenset(step.key for step in everything)
    times = {
        timed.key: timed
        for timed in timetable(
            everything,
            budget,
            backends.settings.worker_config.patience_seconds,
            lambda key, running, done: training_first(key, running, done, keys),
        )
    }
    views = [
        PlannedStepView(
            kind=step.kind,
            candidate=step.candidate or None,
            start_seconds=timed.start,
            end_seconds=timed.end,
            held_until_seconds=timed.released,
            pool=timed.demand.pool,
            amount=timed.demand.amount,
        )
        for step in steps
        if (timed := times.get(key_of(_NEW, step))) is not None
    ]
    held: dict[str, float] = defaultdict(float)
    for view in views:
        if view.amount:
            held[view.pool] += view.amount * (view.held_until_seconds - view.start_seconds)
    on_platform = [view.start_seconds for view in views if view.kind in PLATFORM_KINDS]
    built = next((v.end_seconds for v in views if v.kind == "build-datasets"), 0.0)
    return PlanView(
        workload_id=request.workload_id,
        steps=views,
        seconds=max((view.end_seconds for view in views), default=0.0),
        waits_seconds=max(min(on_platform, default=0.0) - built, 0.0),
        held_seconds=dict(held),
        budget=budget,
        runs_before=len(others),
        measured=bool(measured),
        impossible=_impossible(own, budget),
    )


def _impossible(own: list[Planned], budget: dict[str, int]) -> list[str]:
    giants = set(too_large((step.demand for step in own), budget))
    return [
        f"{kind} of {candidate} needs {step.demand.amount} of {step.demand.pool}, and there are "
        f"{budget[step.demand.pool]}"
        for step in own
        if step.demand in giants
        for _, kind, candidate in [step.key.split("|", 2)]
    ]


def _going_on(
    run: Run,
    rows: list[Step],
    seconds: Callable[[TimedStep], float],
    demand: Callable[[TimedStep], Demand],
    now: datetime,
) -> list[Planned]:
    return planned_steps(
        run.uid,
        rows,
        seconds,
        demand,
        priority=run.priority,
        asked_at=(run.created_at - now).total_seconds(),
        stands={(r.kind, r.candidate): r.status for r in rows},
        started={(r.kind, r.candidate): r.started_at for r in rows if r.started_at is not None},
        now=now,
    )


def _incumbent_of(run: Run) -> str:
    model = run.incumbent and registry.IncumbentModel.model_validate(run.incumbent)
    return model.model_name if model else ""


async def _measured(session: AsyncSession, workload_id: str) -> dict[tuple[str, str], float]:
    """Median seconds by kind and candidate, of the last completed runs."""
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


async def _unfinished(session: AsyncSession) -> list[tuple[Run, list[Step]]]:
    runs = list(await session.exec(select(Run).where(col(Run.status).in_(ACTIVE_RUN))))
    ids = [run.id for run in runs]
    steps = list(await session.exec(select(Step).where(col(Step.run_id).in_(ids))))
    return [(run, [step for step in steps if step.run_id == run.id]) for run in runs]
