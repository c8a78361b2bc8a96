"""The run before: what a run is compared with, and what it is planned by."""

from collections.abc import Sequence

from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.db.models import Candidate, Evaluation, Run
from flywheel.evaluation.scores import Scores

_EARLIER = aliased(Run)


async def run_before(session: AsyncSession, run: Run) -> Run | None:
    """The last completed run of the same traffic."""
    query = (
        select(Run)
        .where(
            Run.workload_id == run.workload_id,
            col(Run.client_id).is_not_distinct_from(run.client_id),
            Run.status == "completed",
            col(Run.id) < run.id,
        )
        .order_by(col(Run.id).desc())
        .limit(1)
    )
    return (await session.exec(query)).one_or_none()


async def completed_before(session: AsyncSession, run_ids: Sequence[int]) -> dict[int, int]:
    """For each of these runs the last completed one of the workload before it, if there is one."""
    # One look into an index per run: a join would read all runs of the workload for each.
    before = (
        select(_EARLIER.id)
        .where(
            col(_EARLIER.workload_id) == col(Run.workload_id),
            col(_EARLIER.status) == "completed",
            col(_EARLIER.id) < col(Run.id),
        )
        .order_by(col(_EARLIER.id).desc())
        .limit(1)
        .correlate(Run)
        .scalar_subquery()
    )
    query = select(Run.id, before).where(col(Run.id).in_(run_ids))
    return {run: before for run, before in await session.exec(query) if run and before}


async def final_evaluation(
    session: AsyncSession, run: Run, name: str | None
) -> tuple[Scores, str] | None:
    """The scores that speak for a candidate of the run, and the type of that evaluation."""
    found = await session.exec(
        select(Evaluation.scores, Evaluation.eval_type)
        .join(Candidate, col(Candidate.run_id) == col(Evaluation.run_id))
        .where(
            Evaluation.run_id == run.id,
            Evaluation.candidate == name,
            Candidate.name == name,
            Evaluation.eval_type == Candidate.final_eval,
        )
    )
    row = found.one_or_none()
    return None if row is None else (Scores.model_validate(row[0]), row[1])
