"""A run that recommends a model asks people for it."""

from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.db.engine import Database
from flywheel.db.models import Run
from flywheel.decisions.policy import ApprovalRule, PolicyDocument
from flywheel.promotions import approvals, audit
from flywheel.runs import events


async def ask_for_approval(database: Database, session: AsyncSession, run: Run) -> None:
    """Open the approval, in the transaction that ends the run; older questions become void."""
    rule = (
        ApprovalRule()
        if run.policy is None
        else PolicyDocument.model_validate(run.policy).parsed().approval
    )
    approval, superseded = await approvals.open_approval(session, run, rule)
    for older in superseded:
        before = await session.get_one(Run, older.run_id)
        why = f"A newer run, r-{run.id}, has ended."
        older.reason = why
        events.record(session, before, "superseded", f"The question to approve is void: {why}")
        before.version += 1
        await audit.append(
            database,
            session,
            "superseded",
            (audit.SYSTEM, audit.SYSTEM),
            run.workload_id,
            run_id=before.id,
            approval_id=older.id,
            why=why,
        )
    await audit.append(
        database,
        session,
        "opened",
        (audit.SYSTEM, audit.SYSTEM),
        run.workload_id,
        run_id=run.id,
        approval_id=approval.id,
        approvals=rule.approvals,
        four_eyes=rule.four_eyes,
    )
