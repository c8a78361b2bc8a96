"""What people decide: approve and promote, reject, roll back."""

import logging

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.db.models import Approval, Candidate, Promotion, Run
from flywheel.decisions.verdict import Recommendation
from flywheel.errors import (
    ConflictError,
    DataError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
)
from flywheel.ports.backends import Backends
from flywheel.ports.platform import ModelArtifact
from flywheel.promotions import registry
from flywheel.runs import events
from flywheel.runs.state import RunState, load_state, run_ref
from flywheel.service.naming import find, nearest
from flywheel.views import Actor, PromotionView

log = logging.getLogger(__name__)


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
    somebody was faster, InvalidInputError for a model that the policy did not pass, DataError for
    one whose files are not what its run left.
    """
    _require(backends, actor)
    if approve:
        async with backends.database.transaction() as session:
            approval = await registry.approval_of(session, approval_id)
            state = await load_state(session, approval.run_id)
        if approval.status == "open":
            await _verify(backends, state, model_name or _recommended(state))
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

    Raises ForbiddenError, NotFoundError, ConflictError, InvalidInputError, DataError for a model
    whose files are not what its run left.
    """
    _require(backends, actor)
    async with backends.database.transaction() as session:
        run_id = await find(session, ref)
        state = await load_state(session, run_id)
    await _verify(backends, state, model_name)
    async with backends.database.transaction() as session:
        state = await load_state(session, run_id)
        query = select(Approval).where(Approval.run_id == state.run.id, Approval.status == "open")
        approval = (await session.exec(query)).one_or_none()
        if approval is not None:
            await registry.decide(session, approval.id, "approved", actor.id, _reason(reason))
        return await _promote(session, state, model_name, actor, reason)


async def rollback(
    backends: Backends, workload_id: str, actor: Actor, reason: str
) -> PromotionView | None:
    """Take the incumbent back. Returns what serves now; None is the teacher.

    A model before it whose files are gone or were changed cannot serve: it is passed over.
    Raises ForbiddenError, ConflictError where nothing is promoted.
    """
    _require(backends, actor)
    async with backends.database.transaction() as session:
        ended, now = await registry.roll_back(session, workload_id, actor.id, _reason(reason))
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
                f"{serves} serves {workload_id} again: {reason.strip()}"
                + (f" ({unfit.strip()})" if unfit else ""),
            )
            run.version += 1
        return None if now is None else await _view(session, now)


async def incumbents(backends: Backends) -> list[PromotionView]:
    """Every promoted model, by workload."""
    async with backends.database.transaction() as session:
        return [await _view(session, p) for p in await registry.all_active(session)]


async def _verify(backends: Backends, state: RunState, model_name: str) -> None:
    """Refuse a model that may not be promoted, before anything is written.

    Reading its files takes a while, so no transaction is open meanwhile.
    """
    await backends.platform.verify(_promotable(state, model_name))


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


def _promotable(state: RunState, model_name: str) -> ModelArtifact:
    """The model, where the run and the policy allow its promotion."""
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
    verdicts = {v.model_name: v for v in _recommendation(state).candidates}
    verdict = verdicts.get(model_name)
    if verdict is None:
        raise ConflictError(
            f"{model_name} has no score in {run_ref(run.id)}: it failed.",
            f"These have one: {', '.join(verdicts)}.",
        )
    if verdict.verdict != "promote":
        raise InvalidInputError(
            f"The policy does not pass {model_name}: {verdict.reason}",
            "To promote it all the same, change the policy and run again.",
        )
    artifact = state.artifact(model_name)
    assert artifact is not None  # its final evaluation is scored, so it left what it is
    return artifact


async def _promote(
    session: AsyncSession, state: RunState, model_name: str, actor: Actor, reason: str
) -> PromotionView:
    run = state.run
    artifact = _promotable(state, model_name)
    promotion = await registry.promote(
        session,
        run,
        model_name,
        artifact,
        state.final_scores(model_name),
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
            "served": await _served(session, promotion),
            "run_id": run_ref(promotion.run_id),
            "replaced": None
            if before is None
            else f"{before.model_name} ({run_ref(before.run_id)})",
        }
    )


async def _served(session: AsyncSession, promotion: Promotion) -> str | None:
    """Where the model is, if it is only asked."""
    query = select(Candidate).where(
        Candidate.run_id == promotion.run_id, Candidate.name == promotion.model_name
    )
    candidate = (await session.exec(query)).one_or_none()
    if candidate is None or candidate.artifact is None or candidate.final_eval != "icl-eval":
        return None
    params = ModelArtifact.model_validate(candidate.artifact).params
    return f"{params.get('model_name')} at {params.get('url')}"
