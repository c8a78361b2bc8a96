"""The record of every decision on promotions, refusals too: a chain that shows any change to it.

Each entry carries the digest of the one before it. Whoever changes, removes or inserts one breaks
the chain there; whoever cuts off its end is found by a digest that was noted before.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

import rfc8785
from pydantic import BaseModel, Field
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.clock import utc_now
from flywheel.db.engine import Database
from flywheel.db.models import Audit

Action = Literal[
    "opened",  # people are asked
    "approved",  # one of them says yes
    "rejected",
    "promoted",
    "rolled-back",
    "refused",
    "expired",
    "superseded",
]
SYSTEM = "system"  # who acts where no person does
_FIRST = "0" * 64  # before the first entry


class AuditEntry(BaseModel):
    """One decision, or the refusal of one."""

    id: int = Field(description="From 1, without gaps")
    at: datetime
    actor: str = Field(description="Actor id; 'system' where no person acts")
    origin: str = Field(description="slack, console, cli, api or system")
    action: str
    workload_id: str
    run_id: int | None
    approval_id: str | None
    detail: dict[str, Any] = Field(description="What was decided on, and why")
    previous: str = Field(description="Digest of the entry before it, hex")
    digest: str = Field(description="sha256 of all the others, as canonical JSON, hex")


class Verified(BaseModel):
    """What a check of the chain found."""

    entries: int
    head: str = Field(description="Digest of the last entry; note it somewhere else")
    broken_at: int | None = Field(None, description="The first entry that is not as it was written")
    why: str = ""


async def append(
    database: Database,
    session: AsyncSession,
    action: Action,
    actor: tuple[str, str],
    workload_id: str,
    *,
    run_id: int | None = None,
    approval_id: str | None = None,
    **detail: Any,
) -> None:
    """Add an entry, in the transaction of what it tells; `actor` is id and origin."""
    await database.lock(session, "audit")
    last = (await session.exec(select(Audit).order_by(col(Audit.id).desc()).limit(1))).first()
    entry = AuditEntry(
        id=1 if last is None else last.id + 1,
        at=utc_now(),
        actor=actor[0],
        origin=actor[1],
        action=action,
        workload_id=workload_id,
        run_id=run_id,
        approval_id=approval_id,
        detail={key: value for key, value in detail.items() if value is not None},
        previous=_FIRST if last is None else last.digest,
        digest="",
    )
    entry.digest = digest_of(entry)
    session.add(Audit(**entry.model_dump()))
    await session.flush()


def digest_of(entry: AuditEntry) -> str:
    """Of everything in it but its own digest."""
    content = entry.model_dump(mode="json", exclude={"digest", "at"})
    content["at"] = entry.at.isoformat(timespec="microseconds")
    return sha256(rfc8785.dumps(content)).hexdigest()


async def entries(
    session: AsyncSession,
    workload_id: str | None = None,
    limit: int | None = None,
    hidden: frozenset[str] = frozenset(),
) -> list[AuditEntry]:
    """The newest ones (all where no limit is given), the oldest first; none of `hidden`."""
    query = select(Audit).order_by(col(Audit.id).desc())
    if hidden:
        query = query.where(col(Audit.workload_id).not_in(hidden))
    if workload_id is not None:
        query = query.where(Audit.workload_id == workload_id)
    if limit is not None:
        query = query.limit(limit)
    rows = list(await session.exec(query))
    return [AuditEntry.model_validate(row.model_dump()) for row in reversed(rows)]


def verify(chain: Sequence[AuditEntry], head: str | None = None) -> Verified:
    """Check all entries from the first on; `head` is a digest that was noted before."""
    previous = _FIRST
    for place, entry in enumerate(chain, start=1):
        why = ""
        if entry.id != place:
            why = f"The entry {place} is missing."
        elif entry.previous != previous:
            why = f"The entry {place} does not follow the one before it."
        elif entry.digest != digest_of(entry):
            why = f"The entry {place} was changed after it was written."
        if why:
            return Verified(entries=len(chain), head=previous, broken_at=place, why=why)
        previous = entry.digest
    if head is not None and head not in {_FIRST, *(entry.digest for entry in chain)}:
        why = "No entry has the digest that was noted: entries were cut off, or written anew."
        return Verified(entries=len(chain), head=previous, broken_at=len(chain) + 1, why=why)
    return Verified(entries=len(chain), head=previous)
