"""What people decide: approve and promote, reject, roll back."""

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.db.models import Approval, Promotion, Run
from flywheel.decisions.verdict import Recommendation
from flywheel.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from flywheel.ports.backends import Backends
from flywheel.promotions import registry
from flywheel.runs import events
from flywheel.runs.state import RunState, load_state, run_ref
from flywheel.service.naming import nearest
from flywheel.service.runs import find
from flywheel.views import Actor, PromotionView


def may_approve(backends: Backends, actor: Actor) -> bool:
    """Whether this person may approve, reject and roll back.

    On the command line whoever can run it owns the files; in a conversation only the people
    on the configured list may.
    """
    return actor.origin == "cli" or actor.id in backends.settings.approval_config.approvers


async def decide_approval(
    backends: Backends,
    approval_id: str,
    approve: bool,
    actor: Actor,
    reason: str,
    model_name: str | None = None,
) -> PromotionView | None:
    """Approve (the recommended model, or `model_name`) or reject an open approval.

    Returns the promotion, or None for a rejection. Raises ForbiddenError, ConflictError where
    somebody was faster, InvalidInputError for a model that the rule did not pass.
    """
    _require(backends, actor)
    async with backends.database.transaction() as session:
        approval = await registry.decide(
            session,
            approval_id,
            "approved" if approve else "rejected",
            actor.id,
            _reason(reason) if approve else reason.strip(),
        )
        state = await load_state(session, approval.run_id)
        if approve:
            return await _promote(session, state, model_name or _recommended(state), actor, reason)
        because = f": {reason.strip()}" if reason.strip() else "."
        events.record(
            session, state.run, "rejected", f"The promotion was rejected by {actor.name}{because}"
        )
        state.run.version += 1
    return None


async def promote(
    backends: Backends, ref: str, model_name: str, actor: Actor, reason: str
) -> PromotionView:
    """Make a model of a completed run the incumbent of its workload; closes an open approval.

    Raises ForbiddenError, NotFoundError, ConflictError, InvalidInputError.
    """
    _require(backends, actor)
    async with backends.database.transaction() as session:
        state = await load_state(session, await find(session, ref))
        query = select(Approval).where(Approval.run_id == state.run.id, Approval.status == "open")
        approval = (await session.exec(query)).one_or_none()
        if approval is not None:
            await registry.decide(session, approval.id, "approved", actor.id, _reason(reason))
        return await _promote(session, state, model_name, actor, reason)


async def rollback(
    backends: Backends, workload_id: str, actor: Actor, reason: str
) -> PromotionView | None:
    """Take the incumbent back. Returns what serves now; None is the teacher.

    Raises ForbiddenError, ConflictError where nothing is promoted.
    """
    _require(backends, actor)
    async with backends.database.transaction() as session:
        ended, now = await registry.roll_back(session, workload_id, actor.id, _reason(reason))
        run = await session.get(Run, ended.run_id)
        serves = "the teacher" if now is None else f"{now.model_name} ({run_ref(now.run_id)})"
        if run is not None:
            events.record(
                session,
                run,
                "rolled-back",
                f"{ended.model_name} was rolled back by {actor.name}; "
                f"{serves} serves {workload_id} again: {reason.strip()}",
            )
            run.version += 1
        return None if now is None else await _view(session, now)


async def incumbents(backends: Backends) -> list[PromotionView]:
    """Every promoted model, by workload."""
    async with backends.database.transaction() as session:
        return [await _view(session, p) for p in await registry.all_active(session)]


async def _promote(
    session: AsyncSession, state: RunState, model_name: str, actor: Actor, reason: str
) -> PromotionView:
    run = state.run
    if run.status != "completed":
        raise ConflictError(
            f"{run_ref(run.id)} is {run.status}.",
            "Only the models of a completed run can be promoted.",
        )
    names = [c.name for c in state.candidates]
    if model_name not in names:
        raise NotFoundError(
            f"{run_ref(run.id)} has no candidate '{model_name}'.",
            f"{nearest(model_name, names)}It has: {', '.join(names)}.",
        )
    verdict = next(v for v in _recommendation(state).candidates if v.model_name == model_name)
    if verdict.verdict != "promote":
        raise InvalidInputError(
            f"The rule does not pass {model_name}: {verdict.reason}",
            "To promote it all the same, change the rule (decision_config) and run again.",
        )
    artifact = state.artifact(model_name)
    assert artifact is not None  # it has been scored, so it has been trained
    promotion = await registry.promote(
        session,
        run,
        model_name,
        artifact,
        state.scores(model_name, "customized-eval"),
        actor.id,
        _reason(reason),
    )
    events.record(
        session,
        run,
        "promoted",
        f"{model_name} was promoted for {run.workload_id} by {actor.name}: {reason.strip()}",
    )
    run.version += 1
    return await _view(session, promotion)


def _recommendation(state: RunState) -> Recommendation:
    return Recommendation.model_validate(state.run.recommendation)


def _recommended(state: RunState) -> str:
    name = _recommendation(state).model_name
    assert name is not None  # an approval is opened only for a run with a model that passed
    return name


def _require(backends: Backends, actor: Actor) -> None:
    if may_approve(backends, actor):
        return
    approvers = backends.settings.approval_config.approvers
    raise ForbiddenError(
        f"{actor.name} may not decide on promotions.",
        f"These people may: {', '.join(approvers)}."
        if approvers
        else "Nobody may yet: list user ids in approval_config.approvers.",
    )


def _reason(reason: str) -> str:
    if not reason.strip():
        raise InvalidInputError(
            "A promotion or rollback needs a reason.", "Say why: it goes on record."
        )
    return reason.strip()


async def _view(session: AsyncSession, promotion: Promotion) -> PromotionView:
    before = (
        None
        if promotion.replaces_id is None
        else await session.get(Promotion, promotion.replaces_id)
    )
    return PromotionView.model_validate(
        {
            **promotion.model_dump(),
            "run_id": run_ref(promotion.run_id),
            "replaced": None
            if before is None
            else f"{before.model_name} ({run_ref(before.run_id)})",
        }
    )
