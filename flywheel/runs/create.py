"""A new run: its row, its candidates and all its steps, with the names they will have outside."""

import secrets

from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.db.models import Candidate, Run, Step
from flywheel.ports.platform import CandidateSpec
from flywheel.runs.graph import plan
from flywheel.settings import RunConfig


async def create(
    session: AsyncSession,
    *,
    workload_id: str,
    client_id: str | None,
    requested_by: str,
    config: RunConfig,
    seed: int,
    candidates: list[CandidateSpec],
) -> Run:
    """Add the rows of a pending run."""
    run = Run(
        uid=f"fw-{secrets.token_hex(6)}",
        workload_id=workload_id,
        client_id=client_id,
        status="pending",
        requested_by=requested_by,
        config=config.model_dump(mode="json"),
        seed=seed,
    )
    session.add(run)
    await session.flush()
    assert run.id is not None
    for position, candidate in enumerate(candidates):
        session.add(
            Candidate(
                run_id=run.id,
                position=position,
                name=candidate.name,
                description=candidate.description,
                base_label=candidate.base_label,
            )
        )
    for step in plan([candidate.name for candidate in candidates]):
        session.add(
            Step(
                run_id=run.id,
                kind=step.kind,
                candidate=step.candidate,
                status="pending",
                external_name="-".join(filter(None, (run.uid, step.candidate, step.kind))),
            )
        )
    return run
