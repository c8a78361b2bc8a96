"""What people decide without being asked: promote, roll back; and what serves now."""

import logging

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.db.models import Approval, Candidate, Promotion, Run
from flywheel.errors import ConflictError, DataError
from flywheel.ports.backends import Backends
from flywheel.ports.platform import ModelArtifact
from flywheel.promotions import audit, registry
from flywheel.runs import events
from flywheel.runs.state import load_state, run_ref
from flywheel.service import promoting, rights
from flywheel.service.approvals import decide_approval
from flywheel.service.naming import find
from flywheel.views import API_ANONYMOUS, Actor, DecisionView, PromotionView

log = logging.getLogger(__name__)


async def promote(
    backends: Backends, ref: str, model_name: str, actor: Actor, reason: str
) -> DecisionView:
    """Make a model of a completed run the incumbent of its workload.

    Where people are asked about the run, this is one answer to that. Raises ForbiddenError,
    NotFoundError, ConflictError, InvalidInputError, DataError for a model whose files are not
    what its run left.
    """
    if actor.id == API_ANONYMOUS:  # who is not even told which runs there are
        await rights.require(backends, actor, "", "promote")
    async with backends.database.transaction() as session:
        run_id = await find(session, ref, backends.hidden)
        state = await load_state(session, run_id)
    await rights.require(backends, actor, state.run.workload_id, "promote")
    reason, artifact = promoting.checked_reason(reason), promoting.promotable(state, model_name)
    query = select(Approval).where(Approval.run_id == run_id, Approval.status == "open")
    async with backends.database.transaction() as session:
        approval = (await session.exec(query)).one_or_none()
    if approval is not None:
        return await decide_approval(backends, approval.id, True, actor, reason, model_name)
    await rights.require_four_eyes(backends, actor, state.run, model_name)
    if (needed := rights.rule_of(state.run).approvals) > 1:
        error = ConflictError(
            f"The policy asks {needed} people to approve, and nobody is asked about "
            f"{run_ref(run_id)} any more.",
            "Start a new run to have them asked.",
        )
        await rights.refuse(backends, actor, state.run.workload_id, error, run_id=run_id)
        raise error
    await backends.platform.verify(artifact)  # takes a while, so outside of the transaction
    async with backends.database.transaction() as session:
        state = await load_state(session, run_id)
        promotion = await promoting.promote_model(
            backends, session, state, model_name, actor, reason
        )
    return DecisionView(promotion=promotion, approved_by=[actor.id])


async def rollback(
    backends: Backends, workload_id: str, actor: Actor, reason: str
) -> PromotionView | None:
    """Take the incumbent back. Returns what serves now; None is the teacher.

    A model before it whose files are gone or were changed cannot serve: it is passed over.
    Raises ForbiddenError, ConflictError where nothing is promoted.
    """
    await rights.require(backends, actor, workload_id, "roll back")
    reason = promoting.checked_reason(reason)
    if workload_id in backends.hidden:
        raise registry.nothing_promoted(workload_id)
    async with backends.database.transaction() as session:
        ended, now = await registry.roll_back(session, workload_id, actor.id, reason)
        unfit = ""
        while now is not None and (problem := await _problem(backends, session, now)) is not None:
            log.warning("%s cannot serve again: %s", now.model_name, problem)
            unfit += f"{now.model_name} ({run_ref(now.run_id)}) cannot serve: {problem} "
            _, now = await registry.roll_back(session, workload_id, actor.id, problem)
        run = await session.get(Run, ended.run_id)
        serves = "the teacher" if now is None else f"{now.model_name} ({run_ref(now.run_id)})"
        if run is not None:
            events.record(
                session,
                run,
                "rolled-back",
                f"{ended.model_name} was rolled back by {actor.name}; "
                f"{serves} serves {workload_id} again: {reason}"
                + (f" ({unfit.strip()})" if unfit else ""),
            )
            run.version += 1
        await audit.append(
            backends.database,
            session,
            "rolled-back",
            (actor.id, actor.origin),
            workload_id,
            run_id=ended.run_id,
            model=ended.model_name,
            digest=ended.digest,
            serves=serves,
            unfit=unfit.strip() or None,
            reason=reason,
        )
        return None if now is None else await promoting.view_of(session, now)


async def incumbents(backends: Backends) -> list[PromotionView]:
    """Every promoted model, by workload."""
    async with backends.database.reading() as session:
        rows = [
            p for p in await registry.all_active(session) if p.workload_id not in backends.hidden
        ]
        return [await promoting.view_of(session, row) for row in rows]


async def audit_trail(
    backends: Backends, workload_id: str | None = None, limit: int | None = None
) -> list[audit.AuditEntry]:
    """Decisions on promotions and refusals, the oldest first; the newest ones with a limit."""
    async with backends.database.reading() as session:
        return await audit.entries(session, workload_id, limit, backends.hidden)


async def verify_audit(backends: Backends, head: str | None = None) -> audit.Verified:
    """Check every entry of the chain; `head` is a digest that was noted before."""
    return audit.verify(await audit_trail(backends), head)


async def _problem(backends: Backends, session: AsyncSession, before: Promotion) -> str | None:
    """Why the model that was promoted before cannot serve again, or None."""
    query = select(Candidate).where(
        Candidate.run_id == before.run_id, Candidate.name == before.model_name
    )
    candidate = (await session.exec(query)).one_or_none()
    if candidate is None:
        return "Its run was deleted."
    try:
        await backends.platform.verify(ModelArtifact.model_validate(candidate.artifact))
    except DataError as error:
        return error.message
    return None
