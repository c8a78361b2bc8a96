"""Questions to people: decided once, void once something newer is there."""

import asyncio

from sqlmodel import select

from flywheel.db.engine import Database
from flywheel.db.models import Approval
from flywheel.decisions.policy import ApprovalRule
from flywheel.errors import ConflictError
from flywheel.promotions import approvals
from tests.promotions.test_registry import new_run


async def test_of_people_who_decide_at_once_exactly_one_does(database: Database) -> None:
    async with database.transaction() as session:
        run = await new_run(session, "a")
        session.add(Approval(id="secret", run_id=run.id, status="open"))

    async def decide(person: str) -> str:
        try:
            async with database.transaction() as session:
                if await approvals.close(session, "secret", "approved", person, "fine"):
                    return "decided"
                raise approvals.decided(await approvals.approval_of(session, "secret"))
        except ConflictError as error:
            return error.message

    said = await asyncio.gather(*(decide(f"p{i}") for i in range(6)))
    assert said.count("decided") == 1
    winner = f"p{said.index('decided')}"
    assert {s for s in said if s != "decided"} == {f"This was already approved by {winner}."}


async def test_a_newer_result_closes_the_question_of_an_older_one(database: Database) -> None:
    async with database.transaction() as session:
        older, newer = await new_run(session, "a"), await new_run(session, "b")
        other = await new_run(session, "c")
        other.workload_id = "another"
        for run in (older, other, newer):
            await approvals.open_approval(session, run, ApprovalRule())
    assert older.id
    assert newer.id
    assert other.id
    ids = [older.id, newer.id, other.id]
    async with database.transaction() as session:
        assert set(await approvals.open_approvals(session, ids)) == {newer.id, other.id}
        query = select(Approval.id).where(Approval.run_id == older.id)
        closed = (await session.exec(query)).one()
        assert not await approvals.close(session, closed, "approved", "amy", "good")
        told = approvals.decided(await approvals.approval_of(session, closed))
        assert told.message == ("This result is superseded. A newer run of the workload has ended.")
