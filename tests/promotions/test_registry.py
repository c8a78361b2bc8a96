"""Promotions replace each other, are taken back in order, and are decided once."""

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.db.engine import Database
from flywheel.db.models import Promotion, Run
from flywheel.errors import ConflictError
from flywheel.ports.platform import ModelArtifact
from flywheel.promotions import registry


async def new_run(session: AsyncSession, uid: str) -> Run:
    run = Run(uid=uid, workload_id="w", status="completed", requested_by="x", config={}, seed=1)
    session.add(run)
    await session.flush()
    return run


async def promote(session: AsyncSession, uid: str) -> Promotion:
    artifact = ModelArtifact(
        uri=f"models/{uid}", digest=uid, size_bytes=1, train_records=1, train_seconds=1, params={}
    )
    run = await new_run(session, uid)
    return await registry.promote(session, run, f"model-{uid}", artifact, None, "amy", "better")


async def test_a_promotion_replaces_the_incumbent_and_a_rollback_restores_it(
    database: Database,
) -> None:
    async with database.transaction() as session:
        await promote(session, "a")
        second = await promote(session, "b")
    async with database.transaction() as session:
        ended, now = await registry.roll_back(session, "w", "ben", "complaints")
        assert ended.id == second.id
        assert (ended.status, ended.ended_by, ended.end_reason) == (
            "rolled-back",
            "ben",
            "complaints",
        )
        assert now is not None
        assert (now.model_name, now.status, now.ended_at) == ("model-a", "active", None)
    async with database.transaction() as session:
        _, now = await registry.roll_back(session, "w", "ben", "that one too")
        assert now is None
    async with database.transaction() as session:
        with pytest.raises(ConflictError, match="No model is promoted for w: the teacher serves"):
            await registry.roll_back(session, "w", "ben", "again")


async def test_the_same_model_is_not_promoted_twice(database: Database) -> None:
    async with database.transaction() as session:
        first = await promote(session, "a")
        run = await session.get_one(Run, first.run_id)
        artifact = ModelArtifact(
            uri="models/a", digest="a", size_bytes=1, train_records=1, train_seconds=1, params={}
        )
        with pytest.raises(ConflictError, match="serves w already"):
            await registry.promote(session, run, "model-a", artifact, None, "amy", "again")


async def test_a_model_that_a_rollback_could_bring_back_is_in_use(database: Database) -> None:
    async with database.transaction() as session:
        first, second = await promote(session, "a"), await promote(session, "b")
        unused = await new_run(session, "c")
        for run_id, used in ((first.run_id, True), (second.run_id, True), (unused.id, False)):
            assert run_id is not None
            assert (await registry.uses_of(session, run_id) is not None) is used
