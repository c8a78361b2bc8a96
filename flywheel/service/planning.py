"""What a run would take: its timetable among the runs that go on."""

from collections import defaultdict

from flywheel.clock import utc_now
from flywheel.ports.backends import Backends
from flywheel.promotions import registry
from flywheel.runs.graph import PLATFORM_KINDS, plan
from flywheel.runs.packing import JUDGES
from flywheel.runs.timing import key_of, named, planned_steps
from flywheel.scheduling.packing import too_large
from flywheel.scheduling.timetable import Planned
from flywheel.service.startable import chosen_candidates
from flywheel.service.timetables import Reckoning, measured, times_of, unfinished
from flywheel.views import PlannedStepView, PlanView, RunRequest

_NEW = "new"


async def plan_run(backends: Backends, request: RunRequest) -> PlanView:
    """The schedule of a run that has not been started.

    Times are the medians of the last completed runs of the workload where there are some. Raises
    NotFoundError, InvalidInputError, SettingsError like `start_run`.
    """
    candidates, trials = await chosen_candidates(backends, request)
    platform, workload, now = backends.platform, request.workload_id, utc_now()
    budget = dict(await platform.budget())
    async with backends.database.transaction() as session:
        others = await unfinished(session)
        medians = await measured(session, [workload, *(run.workload_id for run, _ in others)])
        incumbent = await registry.incumbent_model(session, workload)
    reckoning = Reckoning(platform, medians)
    steps = plan(
        candidates,
        incumbent is not None,
        uploads=platform.uploads,
        deploys=platform.deploys,
        trials={name: len(found) for name, found in trials.items()},
    )
    own = planned_steps(
        _NEW,
        steps,
        lambda step: reckoning.seconds(workload, step),
        lambda step: reckoning.demand(step, "" if incumbent is None else incumbent.model_name),
        priority=request.priority,
    )
    before = [step for run, rows in others for step in reckoning.planned(run, rows, now)]
    times = times_of(
        [*before, *own],
        {**budget, JUDGES.pool: JUDGES.amount},
        backends.settings.worker_config.patience_seconds,
    )
    views = [
        PlannedStepView(
            kind=step.kind,
            candidate=step.candidate or None,
            trial=step.trial or None,
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
        measured=bool(medians[workload]),
        impossible=_impossible(own, budget),
    )


def _impossible(own: list[Planned], budget: dict[str, int]) -> list[str]:
    giants = set(too_large((step.demand for step in own), budget))
    return [
        f"{kind} of {candidate} needs {step.demand.amount} of {step.demand.pool}, and there are "
        f"{budget[step.demand.pool]}"
        for step in own
        if step.demand in giants
        for _, kind, candidate in [named(step.key)]
    ]
