"""What a promotion takes: a model that its run and the policy allow, and a reason."""

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.db.models import Candidate, Promotion
from flywheel.decisions.verdict import Recommendation
from flywheel.errors import ConflictError, InvalidInputError, NotFoundError
from flywheel.ports.backends import Backends
from flywheel.ports.platform import ModelArtifact
from flywheel.promotions import audit, registry
from flywheel.runs import events
from flywheel.runs.state import RunState, run_ref
from flywheel.service.naming import nearest
from flywheel.views import Actor, PromotionView


def promotable(state: RunState, model_name: str) -> ModelArtifact:
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
    verdicts = {
        v.model_name: v for v in Recommendation.model_validate(run.recommendation).candidates
    }
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


async def promote_model(
    backends: Backends,
    session: AsyncSession,
    state: RunState,
    model_name: str,
    actor: Actor,
    reason: str,
    approval_id: str | None = None,
) -> PromotionView:
    """Make the model the incumbent, in this transaction, and put it on record."""
    run = state.run
    artifact = promotable(state, model_name)
    promotion = await registry.promote(
        session,
        run,
        model_name,
        artifact,
        state.final_scores(model_name),
        actor.id,
        reason,
    )
    events.record(
        session,
        run,
        "promoted",
        f"{model_name} was promoted for {run.workload_id} by {actor.name}: {reason}",
    )
    run.version += 1
    shown = await view_of(session, promotion)
    await audit.append(
        backends.database,
        session,
        "promoted",
        (actor.id, actor.origin),
        run.workload_id,
        run_id=run.id,
        approval_id=approval_id,
        model=model_name,
        digest=artifact.digest,
        replaces=shown.replaced,
        reason=reason,
    )
    return shown


def checked_reason(reason: str) -> str:
    """Without space around it. Raises InvalidInputError where there is none."""
    if not reason.strip():
        raise InvalidInputError(
            "A promotion or rollback needs a reason.", "Say why: it goes on record."
        )
    return reason.strip()


async def view_of(session: AsyncSession, promotion: Promotion) -> PromotionView:
    """As people see it."""
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
