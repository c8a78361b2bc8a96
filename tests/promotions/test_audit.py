"""The chain of decisions: whatever is done to it afterwards shows."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from flywheel.db.engine import Database
from flywheel.db.models import Audit
from flywheel.errors import FlywheelError
from flywheel.promotions import audit
from flywheel.promotions.audit import AuditEntry

ADA = ("U-ADA", "slack")


async def written(database: Database, number: int = 5) -> list[AuditEntry]:
    for place in range(number):
        async with database.transaction() as session:
            await audit.append(
                database, session, "approved", ADA, "news", run_id=place, reason=f"good {place} “é”"
            )
    async with database.transaction() as session:
        return await audit.entries(session)


async def test_what_was_written_is_verified(database: Database) -> None:
    chain = await written(database)
    assert [entry.id for entry in chain] == [1, 2, 3, 4, 5]
    found = audit.verify(chain)
    assert (found.entries, found.broken_at) == (5, None)
    assert found.head == chain[-1].digest
    assert audit.verify(chain, head=chain[2].digest).broken_at is None
    assert audit.verify([]).broken_at is None


async def test_the_database_refuses_to_change_or_delete_an_entry(database: Database) -> None:
    await written(database, 2)
    for statement in ("UPDATE audit SET actor = 'x' WHERE id = 1", "DELETE FROM audit"):
        with pytest.raises((DBAPIError, FlywheelError), match="never changed"):
            async with database.transaction() as session:
                await (await session.connection()).execute(text(statement))
    async with database.transaction() as session:
        assert len(list(await session.exec(select(Audit)))) == 2


async def test_an_entry_goes_with_the_transaction_that_it_tells_of(database: Database) -> None:
    async def fails() -> None:
        async with database.transaction() as session:
            await audit.append(database, session, "promoted", ADA, "news")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fails()
    assert audit.verify(await written(database, 1)).entries == 1


def chain_of(number: int) -> list[AuditEntry]:
    """As `append` makes it."""
    from flywheel.clock import utc_now

    chain: list[AuditEntry] = []
    for place in range(1, number + 1):
        entry = AuditEntry(
            id=place,
            at=utc_now() + timedelta(seconds=place),
            actor=f"U{place}",
            origin="slack",
            action="approved",
            workload_id="news",
            run_id=place,
            approval_id=None,
            detail={"reason": f"good {place}"},
            previous=chain[-1].digest if chain else "0" * 64,
            digest="",
        )
        entry.digest = audit.digest_of(entry)
        chain.append(entry)
    return chain


CHANGES = {
    "actor": "U-EVE",
    "origin": "cli",
    "action": "rejected",
    "workload_id": "other",
    "run_id": 99,
    "approval_id": "x",
    "detail": {"reason": "bad"},
    "previous": "1" * 64,
    "digest": "2" * 64,
}


@given(place=st.integers(0, 5), field=st.sampled_from([*CHANGES, "at"]))
def test_any_change_of_any_entry_is_found_where_it_is(place: int, field: str) -> None:
    chain = chain_of(6)
    value = chain[place].at + timedelta(microseconds=1) if field == "at" else CHANGES[field]
    chain[place] = chain[place].model_copy(update={field: value})
    found = audit.verify(chain)
    assert found.broken_at == place + 1
    assert found.why


@given(place=st.integers(0, 4))
def test_an_entry_that_was_removed_or_swapped_is_missed(place: int) -> None:
    chain = chain_of(6)
    assert audit.verify([*chain[:place], *chain[place + 1 :]]).broken_at == place + 1
    swapped = [*chain[:place], chain[place + 1], chain[place], *chain[place + 2 :]]
    assert audit.verify(swapped).broken_at == place + 1


@given(kept=st.integers(0, 5))
def test_an_end_that_was_cut_off_is_found_by_a_digest_that_was_noted(kept: int) -> None:
    chain = chain_of(6)
    head = chain[-1].digest
    assert audit.verify(chain[:kept]).broken_at is None  # nothing in the chain itself says so
    found = audit.verify(chain[:kept], head)
    assert found.broken_at == kept + 1
    assert "cut off" in found.why


def test_a_chain_written_anew_is_found_by_a_digest_that_was_noted() -> None:
    head = chain_of(6)[-1].digest
    assert audit.verify(chain_of(6), head).broken_at == 7  # its times are others
