"""What people decide about the models of real runs, and what is refused."""

import asyncio
import shutil
from pathlib import Path

import pytest
from sqlmodel import select

from flywheel.db.models import Candidate, Event
from flywheel.errors import (
    ConflictError,
    DataError,
    FlywheelError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
)
from flywheel.ports.backends import Backends
from flywheel.service import approvals, promotions, runs
from flywheel.views import RunView
from tests.support.running import ANALYST, APPROVER, SHELL

CHEAP, SLOW = "hashing-sgd", "tfidf-logreg"


async def the_run(backends: Backends) -> RunView:
    """It has ended well, on enough records for the policy."""
    return await runs.get_run(backends, "r-1")


async def serving(backends: Backends) -> list[tuple[str, str]]:
    return [(p.model_name, p.approved_by) for p in await promotions.incumbents(backends)]


async def model_folder(backends: Backends, model: str) -> Path:
    async with backends.database.transaction() as session:
        query = select(Candidate.artifact).where(Candidate.name == model)
        artifact = (await session.exec(query)).one()
    assert artifact is not None
    return Path(artifact["uri"])


async def last_event(backends: Backends, run: RunView) -> tuple[str, str]:
    async with backends.database.transaction() as session:
        events = list(await session.exec(select(Event).order_by(Event.id)))  # type: ignore[arg-type]
    return events[-1].kind, events[-1].text


async def test_models_are_promoted_replaced_and_taken_back(completed: Backends) -> None:
    run = await the_run(completed)
    assert run.approval_id is not None

    # Nothing that is refused changes anything.
    refused: list[tuple[type[FlywheelError], str, dict[str, object]]] = [
        (ForbiddenError, "analyst may not decide on promotions of news.", {"actor": ANALYST}),
        (InvalidInputError, "needs a reason", {"reason": "  "}),
        (NotFoundError, "has no candidate 'hashing'", {"model_name": "hashing"}),
        (NotFoundError, "There is no run r-9.", {"ref": "r-9"}),
    ]
    for kind, sentence, other in refused:
        wish = {"ref": "last", "model_name": CHEAP, "actor": APPROVER, "reason": "good", **other}
        with pytest.raises(kind, match=sentence) as caught:
            await promotions.promote(completed, **wish)  # type: ignore[arg-type]
        if kind is ForbiddenError:
            assert caught.value.hint == f"These may: {APPROVER.id}."
    assert await serving(completed) == []
    assert (await runs.get_run(completed, run.id)).approval_id == run.approval_id

    # One is promoted, then the other, which closes nothing that is closed.
    first = (await promotions.promote(completed, run.id, CHEAP, APPROVER, " cheap ")).promotion
    assert first is not None
    assert (first.model_name, first.reason, first.replaced) == (CHEAP, "cheap", None)
    view = await runs.get_run(completed, run.id)
    assert view.approval_id is None
    assert view.version > run.version
    assert await last_event(completed, run) == (
        "promoted",
        f"{CHEAP} was promoted for news by approver: cheap",
    )
    with pytest.raises(ConflictError, match="already approved by U-APPROVER"):
        await approvals.decide_approval(completed, run.approval_id, False, APPROVER, "no")
    second = (await promotions.promote(completed, run.id, SLOW, SHELL, "better")).promotion
    assert second is not None
    assert second.replaced == f"{CHEAP} ({run.id})"
    assert await serving(completed) == [(SLOW, SHELL.id)]
    with pytest.raises(ConflictError, match=f"{SLOW} of {run.id} serves news already"):
        await promotions.promote(completed, run.id, SLOW, SHELL, "again")
    with pytest.raises(ConflictError, match="or a rollback would bring it back"):
        await runs.delete_run(completed, run.id, SHELL)

    # And back, in order.
    with pytest.raises(ForbiddenError):
        await promotions.rollback(completed, "news", ANALYST, "complaints")
    back = await promotions.rollback(completed, "news", APPROVER, "complaints")
    assert back is not None
    assert back.model_name == CHEAP
    assert await promotions.rollback(completed, "news", APPROVER, "more complaints") is None
    assert await serving(completed) == []
    assert await last_event(completed, run) == (
        "rolled-back",
        f"{CHEAP} was rolled back by approver; the teacher serves news again: more complaints",
    )


async def test_a_model_that_was_changed_is_neither_promoted_nor_brought_back(
    completed: Backends,
) -> None:
    run = await the_run(completed)
    await promotions.promote(completed, run.id, CHEAP, SHELL, "cheap")
    slow = await model_folder(completed, SLOW)
    kept = shutil.copytree(slow, slow.with_name("kept"))
    damage(slow)
    with pytest.raises(DataError, match="is not the file that training wrote"):
        await promotions.promote(completed, run.id, SLOW, SHELL, "better")
    assert await serving(completed) == [(CHEAP, SHELL.id)]

    shutil.rmtree(slow)
    kept.rename(slow)
    await promotions.promote(completed, run.id, SLOW, SHELL, "better")
    shutil.rmtree(await model_folder(completed, CHEAP))
    assert await promotions.rollback(completed, "news", SHELL, "complaints") is None
    kind, text = await last_event(completed, run)
    assert kind == "rolled-back"
    assert "the teacher serves news again: complaints" in text
    assert f"{CHEAP} ({run.id}) cannot serve" in text


def damage(model: Path) -> None:
    """Change one byte of the largest file."""
    largest = max(model.iterdir(), key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(content)


async def test_of_an_approval_and_a_rejection_at_once_one_counts(completed: Backends) -> None:
    run = await the_run(completed)
    assert run.approval_id is not None

    async def decide(approve: bool) -> str:
        assert run.approval_id is not None
        try:
            await approvals.decide_approval(completed, run.approval_id, approve, APPROVER, "why")
        except ConflictError as error:
            return error.message
        return "approved" if approve else "rejected"

    said = await asyncio.gather(decide(True), decide(False), decide(True), decide(False))
    (won,) = {s for s in said if s in {"approved", "rejected"}}
    assert sum(s == won for s in said) == 1
    assert set(said) == {won, f"This was already {won} by U-APPROVER."}
    assert len(await serving(completed)) == (won == "approved")
