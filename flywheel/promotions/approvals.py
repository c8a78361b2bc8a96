"""Questions to people: may a model take over? Each is decided once.

A question pins what it is about: the models' digests, the datasets, the incumbent. Where one of
them is another one by the time of the answer, the question has no answer any more.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import BaseModel, Field
from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.clock import utc_now
from flywheel.db.models import Approval, ApprovalVote, Candidate, Dataset, Promotion, Run
from flywheel.decisions.policy import ApprovalRule
from flywheel.errors import ConflictError, NotFoundError
from flywheel.ports.platform import ModelArtifact

# An approval is open until it is one of the others, for good.
CLOSED = ("approved", "rejected", "expired", "superseded")


class Pinned(BaseModel):
    """What an approval is about."""

    models: dict[str, str] = Field(description="Digest by candidate")
    datasets: dict[str, str] = Field(description="sha256 by name")
    incumbent: int | None = Field(description="Number of the promotion in force, if any")

    def differs(self, now: "Pinned") -> str | None:
        """What is not as it was when people were asked, in a sentence."""
        if self.incumbent != now.incumbent:
            return "Another model has been promoted or rolled back since."
        for name, digest in self.datasets.items():
            if now.datasets.get(name) != digest:
                return f"The dataset {name} is not the one that the verdict rests on."
        for name, digest in self.models.items():
            if now.models.get(name) != digest:
                return f"The model {name} is not the one that was scored."
        return None


async def pin(session: AsyncSession, run: Run) -> Pinned:
    """What stands now."""
    candidates = await session.exec(select(Candidate).where(Candidate.run_id == run.id))
    datasets = await session.exec(select(Dataset).where(Dataset.run_id == run.id))
    active = select(Promotion.id).where(
        Promotion.workload_id == run.workload_id, Promotion.status == "active"
    )
    return Pinned(
        models={
            one.name: ModelArtifact.model_validate(one.artifact).digest
            for one in candidates
            if one.artifact is not None
        },
        datasets={one.name: one.digest for one in datasets},
        incumbent=(await session.exec(active)).one_or_none(),
    )


async def open_approval(
    session: AsyncSession, run: Run, rule: ApprovalRule
) -> tuple[Approval, list[Approval]]:
    """Ask people whether a model of the run may take over.

    A newer result makes the older questions about the workload pointless: those are returned, too.
    """
    assert run.id is not None
    older = select(Run.id).where(Run.workload_id == run.workload_id)
    query = select(Approval).where(col(Approval.status) == "open", col(Approval.run_id).in_(older))
    superseded = list(await session.exec(query))
    for approval in superseded:
        approval.status = "superseded"
    now = utc_now()
    hours = rule.expires_hours
    approval = Approval(
        id=secrets.token_urlsafe(16),
        run_id=run.id,
        status="open",
        needed=rule.approvals,
        expires_at=None if hours is None else now + timedelta(hours=hours),
        pinned=(await pin(session, run)).model_dump(mode="json"),
    )
    session.add(approval)
    await session.flush()
    return approval, superseded


async def open_approvals(session: AsyncSession, run_ids: list[int]) -> dict[int, Approval]:
    """The open approval of each of these runs that has one; not those whose time is over."""
    query = select(Approval).where(col(Approval.run_id).in_(run_ids), Approval.status == "open")
    now = utc_now()
    return {one.run_id: one for one in await session.exec(query) if not is_over(one, now)}


async def approval_of(session: AsyncSession, approval_id: str) -> Approval:
    """The approval. Raises NotFoundError."""
    approval = await session.get(Approval, approval_id)
    if approval is None:
        raise unknown()
    return approval


def unknown() -> NotFoundError:
    """That there is no such approval."""
    return NotFoundError("This approval does not exist any more.", "Its run was deleted.")


def is_over(approval: Approval, now: datetime) -> bool:
    """Whether its time is over."""
    return approval.expires_at is not None and approval.expires_at <= now


async def close(
    session: AsyncSession, approval_id: str, status: str, by: str | None, reason: str
) -> bool:
    """Close an open approval: of two people at once exactly one succeeds. Whether we did."""
    done = await session.exec(
        update(Approval)
        .where(col(Approval.id) == approval_id, col(Approval.status) == "open")
        .values(status=status, decided_by=by, decided_at=utc_now(), reason=reason)
        .returning(col(Approval.id))
        .execution_options(synchronize_session=False)
    )
    return done.scalar_one_or_none() is not None


async def vote(
    session: AsyncSession, approval: Approval, model_name: str, by: str, reason: str
) -> list[str]:
    """One approval of one person; who has approved this model now, in order.

    Whoever has voted before for another model votes anew.
    """
    query = (
        select(ApprovalVote)
        .where(ApprovalVote.approval_id == approval.id)
        .order_by(col(ApprovalVote.created_at))
    )
    votes = {one.voter: one for one in await session.exec(query)}
    mine = votes.get(by)
    if mine is None:
        mine = ApprovalVote(approval_id=approval.id, voter=by, model_name=model_name, reason=reason)
        votes[by] = mine
    mine.model_name, mine.reason = model_name, reason
    session.add(mine)
    await session.flush()
    return [voter for voter, one in votes.items() if one.model_name == model_name]


async def votes_of(session: AsyncSession, approval_ids: list[str]) -> Mapping[str, list[str]]:
    """Who has approved so far, by approval."""
    query = (
        select(ApprovalVote)
        .where(col(ApprovalVote.approval_id).in_(approval_ids))
        .order_by(col(ApprovalVote.created_at))
    )
    found: dict[str, list[str]] = {}
    for one in await session.exec(query):
        found.setdefault(one.approval_id, []).append(one.voter)
    return found


def decided(approval: Approval) -> ConflictError:
    """For whoever comes too late."""
    match approval.status:
        case "superseded":
            reason = approval.reason or "A newer run of the workload has ended."
            return ConflictError(f"This result is superseded. {reason}")
        case "expired":
            return ConflictError(
                "The time to decide on this is over.", "Start a new run to be asked again."
            )
    return ConflictError(f"This was already {approval.status} by {approval.decided_by}.")
