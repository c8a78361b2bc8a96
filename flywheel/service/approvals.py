"""Decisions on open approvals: one person at a time, as many as the policy asks for."""

import asyncio
from hashlib import file_digest
from pathlib import Path

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.clock import utc_now
from flywheel.db.models import Approval, Run
from flywheel.decisions.verdict import Recommendation
from flywheel.errors import ConflictError, DataError
from flywheel.ports.backends import Backends
from flywheel.promotions import approvals, audit
from flywheel.runs import events
from flywheel.runs.state import RunState, load_state
from flywheel.service import promoting, rights
from flywheel.views import Actor, DecisionView


async def decide_approval(
    backends: Backends,
    approval_id: str,
    approve: bool,
    actor: Actor,
    reason: str,
    model_name: str | None = None,
) -> DecisionView:
    """Approve (the recommended model, or `model_name`) or reject an open approval.

    The model takes over once as many people have approved it as the policy asks for; one who
    rejects ends it. Raises ForbiddenError, ConflictError where somebody was faster, its time is
    over or what it is about has changed, InvalidInputError for a model that the policy did not
    pass, DataError for one whose files are not what its run left.
    """
    async with backends.database.transaction() as session:
        approval = await approvals.approval_of(session, approval_id)
        state = await load_state(session, approval.run_id)
    workload = state.run.workload_id
    if workload in backends.hidden:
        raise approvals.unknown()
    await rights.require(backends, actor, workload, "approve" if approve else "reject")
    model = model_name or _recommended(state)
    if approve:
        await rights.require_four_eyes(backends, actor, state.run, model)
        reason = promoting.checked_reason(reason)
    await _still_open(backends, state, approval, actor)
    if approve:
        await _unchanged(backends, state, approval, model)
    try:
        if approve:
            return await _approve(backends, approval_id, actor, reason, model)
        return await _reject(backends, approval_id, actor, reason.strip())
    except ConflictError as error:
        await rights.refuse(
            backends, actor, workload, error, run_id=state.run.id, approval_id=approval_id
        )
        raise


async def expire_due(backends: Backends) -> int:
    """Close the approvals whose time is over; how many there were."""
    due = select(Approval.id).where(
        Approval.status == "open", col(Approval.expires_at) <= utc_now()
    )
    async with backends.database.transaction() as session:
        ids = list(await session.exec(due))
    for approval_id in ids:
        await _end(backends, approval_id, "expired", "Nobody has decided in time.")
    return len(ids)


async def _still_open(
    backends: Backends, state: RunState, approval: Approval, actor: Actor
) -> None:
    """Raises ConflictError for what is closed, and closes what is not as it was."""
    if approval.status == "open" and approvals.is_over(approval, utc_now()):
        await _end(backends, approval.id, "expired", "Nobody has decided in time.")
    elif approval.status == "open" and approval.pinned is not None:
        async with backends.database.transaction() as session:
            now = await approvals.pin(session, state.run)
        differs = approvals.Pinned.model_validate(approval.pinned).differs(now)
        if differs is not None:
            await _end(backends, approval.id, "superseded", differs)
    async with backends.database.transaction() as session:
        approval = await approvals.approval_of(session, approval.id)
    if approval.status != "open":
        error = approvals.decided(approval)
        await rights.refuse(
            backends,
            actor,
            state.run.workload_id,
            error,
            run_id=state.run.id,
            approval_id=approval.id,
        )
        raise error


async def _unchanged(
    backends: Backends, state: RunState, approval: Approval, model_name: str
) -> None:
    """Read the files themselves: those of the model and those of the datasets.

    That takes a while, so no transaction is open meanwhile. Raises DataError, and closes the
    approval, where one is not as it was.
    """
    artifact = promoting.promotable(state, model_name)
    try:
        await backends.platform.verify(artifact)
        for dataset in state.datasets:
            await asyncio.to_thread(_check_file, Path(dataset.uri), dataset.name, dataset.digest)
    except DataError as error:
        await _end(backends, approval.id, "superseded", error.message)
        raise


def _check_file(path: Path, name: str, digest: str) -> None:
    again = "Start a new run."
    try:
        with path.open("rb") as file:
            found = file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"The dataset {name} is gone: {path}.", again) from error
    if found != digest:
        raise DataError(f"The dataset {name} is not the one that the verdict rests on.", again)


async def _approve(
    backends: Backends, approval_id: str, actor: Actor, reason: str, model_name: str
) -> DecisionView:
    async with backends.database.transaction() as session:
        await backends.database.lock(session, "approvals")
        approval = await approvals.approval_of(session, approval_id)
        state = await load_state(session, approval.run_id)
        run = state.run
        if approval.status != "open":
            raise approvals.decided(approval)
        voters = await approvals.vote(session, approval, model_name, actor.id, reason)
        await audit.append(
            backends.database,
            session,
            "approved",
            (actor.id, actor.origin),
            run.workload_id,
            run_id=run.id,
            approval_id=approval_id,
            model=model_name,
            digest=promoting.promotable(state, model_name).digest,
            reason=reason,
            approved_by=voters,
            needed=approval.needed,
        )
        if len(voters) < approval.needed:
            events.record(
                session,
                run,
                "approved",
                f"{actor.name} approved {model_name} "
                f"({len(voters)} of {approval.needed}): {reason}",
            )
            run.version += 1
            return DecisionView(approved_by=voters, needed=approval.needed)
        if not await approvals.close(session, approval_id, "approved", actor.id, reason):
            raise await _lost(session, approval_id)
        promotion = await promoting.promote_model(
            backends, session, state, model_name, actor, reason, approval_id
        )
        return DecisionView(promotion=promotion, approved_by=voters, needed=approval.needed)


async def _reject(backends: Backends, approval_id: str, actor: Actor, reason: str) -> DecisionView:
    async with backends.database.transaction() as session:
        await backends.database.lock(session, "approvals")
        if not await approvals.close(session, approval_id, "rejected", actor.id, reason):
            raise await _lost(session, approval_id)
        approval = await approvals.approval_of(session, approval_id)
        run = await session.get_one(Run, approval.run_id)
        because = f": {reason}" if reason else "."
        events.record(
            session, run, "rejected", f"The promotion was rejected by {actor.name}{because}"
        )
        run.version += 1
        await audit.append(
            backends.database,
            session,
            "rejected",
            (actor.id, actor.origin),
            run.workload_id,
            run_id=run.id,
            approval_id=approval_id,
            reason=reason,
        )
    return DecisionView(needed=approval.needed)


async def _end(backends: Backends, approval_id: str, status: str, why: str) -> None:
    """Close an approval without anybody's decision."""
    async with backends.database.transaction() as session:
        if not await approvals.close(session, approval_id, status, None, why):
            return
        approval = await approvals.approval_of(session, approval_id)
        run = await session.get_one(Run, approval.run_id)
        events.record(session, run, "superseded", f"The question to approve is void: {why}")
        run.version += 1
        await audit.append(
            backends.database,
            session,
            "expired" if status == "expired" else "superseded",
            (audit.SYSTEM, audit.SYSTEM),
            run.workload_id,
            run_id=run.id,
            approval_id=approval_id,
            why=why,
        )


async def _lost(session: AsyncSession, approval_id: str) -> ConflictError:
    approval = await approvals.approval_of(session, approval_id)
    await session.refresh(approval)
    return approvals.decided(approval)


def _recommended(state: RunState) -> str:
    name = Recommendation.model_validate(state.run.recommendation).model_name
    assert name is not None  # an approval is opened only for a run with a model that passed
    return name
