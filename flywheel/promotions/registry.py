"""Which model serves a workload: promotions replace each other, and are taken back in order."""

from pydantic import BaseModel, Field
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.clock import utc_now
from flywheel.db.models import Candidate, Promotion, Run
from flywheel.errors import ConflictError
from flywheel.evaluation.scores import Scores
from flywheel.ports.platform import ModelArtifact


class IncumbentModel(BaseModel):
    """The model that serves a workload while a run of it goes on."""

    model_name: str
    run_id: int = Field(description="The run that made it")
    artifact: ModelArtifact

    @property
    def name(self) -> str:
        """'tfidf-svm (r-3)'"""
        return f"{self.model_name} (r-{self.run_id})"


async def incumbent_model(session: AsyncSession, workload_id: str) -> IncumbentModel | None:
    """The promoted model with its files, or None where the teacher serves."""
    promotion = await active(session, workload_id)
    if promotion is None:
        return None
    query = select(Candidate.artifact).where(
        Candidate.run_id == promotion.run_id, Candidate.name == promotion.model_name
    )
    artifact = (await session.exec(query)).one_or_none()
    if artifact is None:
        return None
    return IncumbentModel(
        model_name=promotion.model_name,
        run_id=promotion.run_id,
        artifact=ModelArtifact.model_validate(artifact),
    )


async def active(session: AsyncSession, workload_id: str) -> Promotion | None:
    """The promotion in force: the workload's incumbent, locked for this transaction."""
    query = (
        select(Promotion)
        .where(Promotion.workload_id == workload_id, Promotion.status == "active")
        .with_for_update()
    )
    return (await session.exec(query)).one_or_none()


async def all_active(session: AsyncSession) -> list[Promotion]:
    """Every incumbent, by workload."""
    query = (
        select(Promotion).where(Promotion.status == "active").order_by(col(Promotion.workload_id))
    )
    return list(await session.exec(query))


async def promote(
    session: AsyncSession,
    run: Run,
    model_name: str,
    artifact: ModelArtifact,
    scores: Scores | None,
    approved_by: str,
    reason: str,
) -> Promotion:
    """Make the model the incumbent; the one before it is kept for a rollback.

    Raises ConflictError where it is the incumbent, or where somebody else promotes at once.
    """
    assert run.id is not None
    headline = None if scores is None else scores.headline
    before = await active(session, run.workload_id)
    if before is not None:
        if before.digest == artifact.digest:
            raise ConflictError(f"{model_name} of r-{run.id} serves {run.workload_id} already.")
        _end(before, "replaced", approved_by, reason)
        await session.flush()
    promotion = Promotion(
        workload_id=run.workload_id,
        run_id=run.id,
        model_name=model_name,
        model_uri=artifact.uri,
        digest=artifact.digest,
        score=None if headline is None else headline.value,
        metric="macro_f1" if headline is None else headline.metric,
        status="active",
        approved_by=approved_by,
        reason=reason,
        replaces_id=None if before is None else before.id,
    )
    session.add(promotion)
    try:
        await session.flush()
    except IntegrityError as error:  # of the index that lets one promotion be active
        raise ConflictError(
            f"Another model was promoted for {run.workload_id} at the same moment.",
            "See `flywheel incumbents`, then decide again.",
        ) from error
    return promotion


def nothing_promoted(workload_id: str) -> ConflictError:
    """Why nothing can be rolled back."""
    return ConflictError(
        f"No model is promoted for {workload_id}: the teacher serves it.",
        "There is nothing to roll back.",
    )


async def roll_back(
    session: AsyncSession, workload_id: str, by: str, reason: str
) -> tuple[Promotion, Promotion | None]:
    """End the promotion in force; the one it replaced serves again, or else the teacher.

    Returns what was rolled back and what serves now. Raises ConflictError where nothing is
    promoted.
    """
    current = await active(session, workload_id)
    if current is None:
        raise nothing_promoted(workload_id)
    _end(current, "rolled-back", by, reason)
    await session.flush()
    if current.replaces_id is None:
        return current, None
    before = await session.get_one(Promotion, current.replaces_id)
    before.status = "active"
    before.ended_at = before.ended_by = before.end_reason = None
    return current, before


async def uses_of(session: AsyncSession, run_id: int) -> Promotion | None:
    """A promotion that serves, or that a rollback could bring back, with a model of this run."""
    serving = await all_active(session)
    for promotion in serving:
        step: Promotion | None = promotion
        while step is not None:
            if step.run_id == run_id:
                return step
            before = step.replaces_id
            step = None if before is None else await session.get(Promotion, before)
    return None


def _end(promotion: Promotion, status: str, by: str, reason: str) -> None:
    promotion.status = status
    promotion.ended_at, promotion.ended_by, promotion.end_reason = utc_now(), by, reason
