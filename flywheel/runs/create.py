"""A new run: its row, its candidates and all its steps, with the names they will have outside."""

import secrets

from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.db.models import Candidate, Run, Step, Trial
from flywheel.decisions.policy import PolicyDocument
from flywheel.ports.platform import CandidateSpec
from flywheel.promotions import registry
from flywheel.runs.graph import plan
from flywheel.runs.sweep import Trials
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
    policy: PolicyDocument,
    priority: int = 0,
    uploads: bool = False,
    deploys: bool = False,
    trials: Trials | None = None,
    request_key: str | None = None,
) -> Run:
    """Add the rows of a pending run; what serves the workload now is its incumbent to the end."""
    incumbent = await registry.incumbent_model(session, workload_id)
    run = Run(
        uid=f"fw-{secrets.token_hex(6)}",
        workload_id=workload_id,
        client_id=client_id,
        status="pending",
        requested_by=requested_by,
        config=config.model_dump(mode="json"),
        seed=seed,
        priority=priority,
        policy=policy.model_dump(mode="json"),
        request_key=request_key,
        incumbent=None if incumbent is None else incumbent.model_dump(mode="json"),
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
                final_eval=candidate.final_eval,
            )
        )
    trials = trials or {}
    for name, found in trials.items():
        for number, parameters in enumerate(found, start=1):
            session.add(
                Trial(run_id=run.id, candidate=name, number=number, parameters=dict(parameters))
            )
    steps = plan(
        candidates,
        incumbent is not None,
        uploads=uploads,
        deploys=deploys,
        trials={name: len(found) for name, found in trials.items()},
    )
    for step in steps:
        parts = (run.uid, step.candidate, step.kind, str(step.trial or ""))
        session.add(
            Step(
                run_id=run.id,
                kind=step.kind,
                candidate=step.candidate,
                trial=step.trial,
                status="pending",
                external_name="-".join(filter(None, parts)),
            )
        )
    return run
