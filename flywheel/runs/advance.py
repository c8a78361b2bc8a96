"""One look at a run: poll what runs, start what is ready, write what changed.

Every change is one transaction that carries the lease's fence and the events it causes, so a
worker can be killed between any two lines here and the next one goes on from the rows.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime

from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.clock import utc_now
from flywheel.db.engine import Database
from flywheel.db.models import Candidate, Receipt, Run, Step
from flywheel.decisions.verdict import Recommendation
from flywheel.errors import DatabaseUnavailableError, FlywheelError
from flywheel.formatting import count
from flywheel.ports.backends import Backends
from flywheel.runs.asking import ask_for_approval
from flywheel.runs.events import record
from flywheel.runs.graph import ACTIVE_RUN, CONCLUDING, TERMINAL, readiness
from flywheel.runs.lease import Lease, LeaseLostError, acquire, heartbeat, leased_run, release
from flywheel.runs.packing import budget_of, chain_of, demand_of, may_start
from flywheel.runs.state import RunState, load_state
from flywheel.runs.steps import HANDLERS, Outcome
from flywheel.scheduling.packing import Demand, Pool, too_large

log = logging.getLogger(__name__)


def _always() -> bool:
    return True


async def advance(backends: Backends, run_id: int, may_start: Callable[[], bool] = _always) -> None:
    """Take the run one look further and see to the next look; nothing where it is taken.

    `may_start` says whether this worker still starts steps; those that run it sees to anyway.
    """
    worker = backends.settings.worker_config
    lease = await acquire(backends.database, run_id, worker.lease_seconds)
    if lease is None:
        return
    finished = False
    try:
        async with heartbeat(backends.database, lease, worker.lease_seconds):
            while await _look(backends, lease, may_start):
                pass
            finished = await _finish(backends, lease)
    except LeaseLostError:
        log.warning("run %s was taken over by another worker", run_id)
        return
    finally:
        await release(backends.database, lease, worker.poll_seconds)
    if not finished:
        await backends.queue.wake(run_id, str(lease.fence), worker.poll_seconds)


async def _look(backends: Backends, lease: Lease, may_start: Callable[[], bool]) -> bool:
    """Poll and start steps once; True where a step ended, so that others may be ready now.

    What a step leaves is read again before another one starts.
    """
    async with backends.database.transaction() as session:
        state = await load_state(session, lease.run_id)
    if state.run.status == "cancelling":
        return await _cancel(backends, lease, state)
    ended = False
    for step in state.steps:
        if step.status == "running":
            ended |= await _poll(backends, lease, state, step)
    if ended:
        return True
    for step in state.steps:
        if step.status != "pending":
            continue
        match readiness(step, state.steps):
            case "ready":
                if may_start() and await _start(backends, lease, state, step):
                    return True
            case "skip":
                await _write(backends, lease, step, Outcome("skipped"))
                return True
            case "wait":
                pass
    return False


async def _start(backends: Backends, lease: Lease, state: RunState, step: Step) -> bool:
    now, platform = utc_now(), backends.platform
    incumbent = state.incumbent()
    demand = demand_of(platform, step, incumbent.model_name if incumbent else "")
    try:
        budget = await budget_of(platform) if demand.amount else {}
    except FlywheelError as error:  # it has to be found, and cannot be now
        await _write(backends, lease, step, Outcome("pending", message=error.message))
        return False
    async with backends.database.transaction() as session:
        if demand.amount:
            await backends.database.lock(session, "packing")
        run = await leased_run(session, lease)
        if run.status not in {"pending", "running"}:
            return True  # cancelled meanwhile: look again
        row = await _row(session, step)
        row.pool, row.amount = demand
        row.chain_seconds = chain_of(platform, step, state.steps)
        row.ready_since = row.ready_since or now
        before = await may_start(
            session,
            run,
            row,
            state.steps,
            budget,
            backends.settings.worker_config.patience_seconds,
            now,
        )
        if before is not None:
            message = _waits(demand, before, budget)
            run.version += int(row.message != message)
            row.message = message
            return False
        if run.status == "pending":
            run.status = "running"
            run.started_at = now
            record(session, run, "run-started", f"The run of {run.workload_id} has started.")
        row.status, row.started_at, row.message = "running", now, ""
        run.version += 1
    step.status, step.started_at = "running", now
    return await _poll(backends, lease, state, step)


def _waits(demand: Demand, before: int, budget: Mapping[Pool, int]) -> str:
    """What a step that is ready waits for, in a few words."""
    if too_large([demand], budget):
        there = count(budget[demand.pool])
        return f"needs {count(demand.amount)} of {demand.pool}, and there are {there}"
    if before:
        return f"waits for room, {count(before)} before it"
    return f"waits for room ({count(demand.amount)} of {demand.pool})"


async def _poll(backends: Backends, lease: Lease, state: RunState, step: Step) -> bool:
    handler = HANDLERS[step.kind]
    try:
        if not step.launched:
            await handler.start(backends, state, step)
            step.launched = True
        outcome = await handler.poll(backends, state, step)
    except DatabaseUnavailableError:
        raise  # it says nothing of the step, which a later look finds as it was
    except FlywheelError as error:
        outcome = Outcome("failed", error=str(error))
    except Exception:
        log.exception("step %s of run %s failed", step.external_name, lease.run_id)
        outcome = Outcome(
            "failed", error=f"The step {step.kind} failed unexpectedly; the worker's log says why."
        )
    await _write(backends, lease, step, outcome)
    return outcome.state in TERMINAL


async def _write(backends: Backends, lease: Lease, step: Step, outcome: Outcome) -> None:
    """Store a step's outcome, with all that follows from it, in one transaction."""
    async with backends.database.transaction() as session:
        run = await leased_run(session, lease)
        row = await _row(session, step)
        changed = (row.status, row.percent, row.message) != (
            outcome.state,
            outcome.percent,
            outcome.message,
        )
        row.launched = step.launched
        row.status, row.percent, row.message = outcome.state, outcome.percent, outcome.message
        row.error = outcome.error
        if outcome.state in TERMINAL:
            row.finished_at = utc_now()
            await _release(session, row)
        if outcome.apply is not None:
            await outcome.apply(session, run)
        for kind, text in outcome.events:
            record(session, run, kind, text)
        run.version += int(changed)
    step.status = outcome.state


async def _release(session: AsyncSession, ended: Step) -> None:
    """What a step held is free again; a deployment holds its part until it is taken down."""
    if ended.kind == "undeploy":
        query = select(Step).where(
            Step.run_id == ended.run_id, Step.kind == "deploy", Step.candidate == ended.candidate
        )
        (await session.exec(query)).one().released_at = ended.finished_at
    if ended.kind != "deploy" or ended.started_at is None:
        ended.released_at = ended.finished_at


async def _cancel(backends: Backends, lease: Lease, state: RunState) -> bool:
    """Stop what runs outside; a step counts as cancelled once the outside confirms it.

    One that cannot be stopped now does not keep the others from it.
    """
    deployed = {(f"un{s.kind}", s.candidate) for s in state.steps if s.launched}
    left = [s for s in state.steps if s.status not in TERMINAL]
    going = [s for s in left if (s.kind, s.candidate) in deployed]
    running = [s for s in left if s.status == "running" and s not in going]
    stopped = await asyncio.gather(*(_stopped(backends, state, step) for step in running))
    for step, is_stopped in zip(running, stopped, strict=True):
        if is_stopped:
            await _write(backends, lease, step, Outcome("cancelled", percent=step.percent))
    for step in going:
        await _poll(backends, lease, state, step)
    for step in left:
        if step.status == "pending" and step not in going:
            await _write(backends, lease, step, Outcome("cancelled"))
    return False


async def _stopped(backends: Backends, state: RunState, step: Step) -> bool:
    try:
        return await HANDLERS[step.kind].cancel(backends, state, step)
    except FlywheelError as error:
        log.warning("step %s could not be stopped yet: %s", step.external_name, error)
        return False


async def _finish(backends: Backends, lease: Lease) -> bool:
    """End the run once every step has ended; True where nothing is left to do."""
    async with backends.database.transaction() as session:
        run = await leased_run(session, lease)
        steps = list(await session.exec(select(Step).where(Step.run_id == lease.run_id)))
        if run.status not in ACTIVE_RUN:
            return True
        if not all(step.status in TERMINAL for step in steps):
            return False
        await _end(backends.database, session, run, steps, utc_now())
        if backends.tracker is not None:
            run.track_at = run.finished_at
    return True


async def _end(
    database: Database, session: AsyncSession, run: Run, steps: list[Step], now: datetime
) -> None:
    run.finished_at = now
    run.version += 1
    if run.status == "cancelling":
        run.status = "cancelled"
        # It may have been signed just before: a verdict that does not count leaves no receipt.
        await session.exec(delete(Receipt).where(col(Receipt.run_uid) == run.uid))
        record(session, run, "run-cancelled", "The run was cancelled; nothing of it runs any more.")
        return
    finals = set(
        await session.exec(
            select(Candidate.name, Candidate.final_eval).where(Candidate.run_id == run.id)
        )
    )
    scored = any((s.candidate, s.kind) in finals and s.status == "completed" for s in steps)
    if scored and all(s.status == "completed" for s in steps if s.kind in CONCLUDING):
        run.status = "completed"
        # Only now: of a run that fails or is cancelled after the verdict nobody may promote.
        if Recommendation.model_validate(run.recommendation).verdict == "promote":
            await ask_for_approval(database, session, run)
        record(session, run, "run-completed", run.summary or "The run is complete.")
        return
    run.status = "failed"
    run.error = _why(steps)
    record(session, run, "run-failed", run.error)


def _why(steps: list[Step]) -> str:
    """The reasons of every failed step, in one text."""
    reasons = [
        f"{step.candidate}: {step.error}" if step.candidate else str(step.error)
        for step in steps
        if step.error and step.kind != "trial"  # `select` says what became of those
    ]
    if any(s.kind == "build-datasets" and s.status == "failed" for s in steps):
        return reasons[0]
    if any(s.kind in CONCLUDING and s.status == "failed" for s in steps):
        return f"The run has scores, but its verdict could not be given. {' '.join(reasons)}"
    return f"No candidate could be scored. {' '.join(reasons)}".strip()


async def _row(session: AsyncSession, step: Step) -> Step:
    return (await session.exec(select(Step).where(Step.id == step.id))).one()
