"""Room for a step: what all runs hold, and who else waits for it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.db.models import Run, Step
from flywheel.ports.platform import JobKind, Platform
from flywheel.runs.graph import ACTIVE_RUN, EVALUATIONS, TRAININGS, waits_for_training
from flywheel.scheduling.packing import Demand, Pool, Waiting, admit, position

_JOB_OF: dict[str, JobKind] = {
    **dict.fromkeys(EVALUATIONS, "evaluate"),
    "customize": "customize",
    "trial": "customize",
    "deploy": "deploy",
    "upload-datasets": "upload",
}
JUDGES = Demand("judge", 1)  # it gets as many requests at a time as its settings say
# Whoever asked and was not seen for so long does not wait any more: its run will ask again.
_FORGOTTEN = timedelta(seconds=60)


def demand_of(platform: Platform, step: Step, incumbent: str) -> Demand:
    """What a step holds while it goes on; one of no candidate is about the incumbent's model."""
    return demand_of_kind(platform, step.kind, step.candidate or incumbent)


def demand_of_kind(platform: Platform, kind: str, candidate: str) -> Demand:
    """What a step of that kind holds while it goes on."""
    if kind == "judge":
        return JUDGES
    job = _JOB_OF.get(kind)
    return Demand("", 0) if job is None else platform.demand(job, candidate)


def expected_seconds_of_kind(platform: Platform, kind: str, candidate: str) -> float:
    """How long a step takes, where it runs on the platform; others take next to no time."""
    job = _JOB_OF.get(kind)
    return 0.0 if job is None else platform.expected_seconds(job, candidate)


async def budget_of(platform: Platform) -> dict[Pool, int]:
    """What there is of each pool, the judge's among them. Raises what the platform raises."""
    return {**await platform.budget(), JUDGES.pool: JUDGES.amount}


async def may_start(
    session: AsyncSession,
    run: Run,
    step: Step,
    steps: Sequence[Step],
    budget: Mapping[Pool, int],
    patience: float,
    now: datetime,
) -> int | None:
    """None where the step may start now, else how many wait before it.

    The step's row has to carry what it asks for. Rows of other runs that wait are seen as they
    last asked; the caller's transaction keeps two from taking the same room.
    """
    if not step.amount or step.pool not in budget:
        return None
    held, waiting = await _situation(session, budget, now)
    own = [w for w in waiting if w.key != str(step.id)]
    own.append(_waiting(step, run, now))
    if held_back(step, steps):
        return position(str(step.id), own)
    if str(step.id) in admit(own, held, budget, patience):
        return None
    return position(str(step.id), own)


def held_back(step: Step, steps: Sequence[Step]) -> bool:
    """Whether a deployment leaves the room to its own fine-tuning, which needs the same."""
    if not waits_for_training(step, steps):
        return False
    training = next(s for s in steps if s.kind in TRAININGS and s.candidate == step.candidate)
    return training.pool in {"", step.pool}


async def _situation(
    session: AsyncSession, budget: Mapping[Pool, int], now: datetime
) -> tuple[Counter[Pool], list[Waiting]]:
    """What is held of every pool, and the steps of all runs that wait for room."""
    query = (
        select(Step, Run)
        .join(Run, col(Run.id) == col(Step.run_id))
        .where(
            col(Run.status).in_(ACTIVE_RUN),
            col(Step.pool).in_(list(budget)),
            col(Step.released_at).is_(None),
        )
    )
    rows = list(await session.exec(query))
    held: Counter[Pool] = Counter()
    for row, _ in rows:
        if row.started_at is not None:
            held[row.pool] += row.amount
    return held, [
        _waiting(row, run, now)
        for row, run in rows
        if row.status == "pending"
        and row.ready_since is not None
        and run.status != "cancelling"
        and run.wake_at > now - _FORGOTTEN
    ]


def _waiting(step: Step, run: Run, now: datetime) -> Waiting:
    return Waiting(
        key=str(step.id),
        demand=Demand(step.pool, step.amount),
        priority=run.priority,
        age=(now - run.created_at).total_seconds(),
        chain=step.chain_seconds,
        waited=(now - (step.ready_since or now)).total_seconds(),
    )


def chain_of(platform: Platform, step: Step, steps: Iterable[Step]) -> float:
    """Expected seconds from the start of a step to the end of its candidate's last evaluation."""
    after = {
        "customize": {"customized-eval"},
        "trial": {"customized-eval"},
        "deploy": EVALUATIONS,
        "upload-datasets": EVALUATIONS | TRAININGS,
    }.get(step.kind, frozenset())
    own = [s for s in steps if s.kind in after and s.candidate == step.candidate]
    expected = [expected_seconds_of_kind(platform, s.kind, s.candidate) for s in (step, *own)]
    return expected[0] + max(expected[1:], default=0.0)
