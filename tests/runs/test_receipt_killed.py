"""A run that is signed while its worker dies: one receipt if it completes, none if it does not."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session
from sqlmodel import select

from flywheel.datasets.report import DatasetReport, TeacherUsage
from flywheel.db.models import Event, Receipt, Run, Step
from flywheel.decisions.policy import policy_document
from flywheel.decisions.verdict import Recommendation
from flywheel.errors import NotFoundError
from flywheel.ports.backends import Backends
from flywheel.ports.platform import CandidateSpec
from flywheel.runs.advance import advance
from flywheel.runs.create import create
from flywheel.runs.state import run_folder
from flywheel.service import receipts, runs
from flywheel.settings import Settings, merge_run_config
from flywheel.wiring import open_backends
from tests.support.running import ANALYST

POLICY = policy_document("margin: 0.1\n", "policy.yaml")
REPORT = DatasetReport(
    workload_type="classification", read=9, invalid=0, wrong_type=0, unlabeled=0,
    duplicates=0, near_duplicates=0, conflicting=0, usable=9, eval=2, train=6, val=1,
    classes={}, seed=42, teacher=TeacherUsage(model_name="big"),
)  # fmt: skip
VERDICT = Recommendation(
    verdict="keep", model_name="svm", reason="It is worse.", candidates=[], policy=POLICY
)


class Killed(BaseException):
    """The worker is gone."""


@contextmanager
def killed_before(commit: int) -> Iterator[None]:
    """The process dies just before its n-th commit (from 0): nothing of it is written any more."""
    left = commit

    def die(_session: Session) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed

    event.listen(Session, "before_commit", die)
    try:
        yield
    finally:
        event.remove(Session, "before_commit", die)


@pytest.fixture
async def bare(settings: Settings) -> AsyncIterator[Backends]:
    """No log and no queue: nothing of them is needed any more."""
    async with open_backends(settings, with_queue=False) as opened:
        yield opened


async def all_but_signed(backends: Backends) -> int:
    """A run whose verdict is given; only the receipt is to come."""
    async with backends.database.transaction() as session:
        run = await create(
            session,
            workload_id="news",
            client_id=None,
            requested_by="me",
            config=merge_run_config(backends.settings, {}),
            seed=42,
            candidates=[CandidateSpec(name="svm", description="", base_label="")],
            policy=POLICY,
        )
        assert run.id is not None
        run.status, run.summary = "running", "Done."
        run.dataset_report = REPORT.model_dump(mode="json")
        run.recommendation = VERDICT.model_dump(mode="json")
        for step in await session.exec(select(Step).where(Step.kind != "receipt")):
            step.status = "completed"
    run_folder(backends.settings.home, run.uid).mkdir(parents=True)
    return run.id


async def lease_expires(backends: Backends) -> None:
    async with backends.database.transaction() as session:
        for run in await session.exec(select(Run)):
            run.lease_until = None


async def stored(backends: Backends, run_id: int) -> tuple[Run, list[Receipt], list[str]]:
    async with backends.database.transaction() as session:
        run = await session.get_one(Run, run_id)
        signed = list(await session.exec(select(Receipt).where(Receipt.run_id == run_id)))
        told = list(await session.exec(select(Event.kind).where(Event.run_id == run_id)))
    return run, signed, told


async def test_killed_at_any_commit_a_run_has_one_receipt(bare: Backends, tmp_path: Path) -> None:
    died = 0
    while True:
        run_id = await all_but_signed(bare)
        try:
            with killed_before(died):
                await advance(bare, run_id)
        except Killed:
            run, signed, _ = await stored(bare, run_id)
            assert len(signed) <= 1
            if run.status == "completed":
                assert signed
            else:
                with pytest.raises(NotFoundError, match="has no receipt: it is running"):
                    await receipts.receipt_of(bare, f"r-{run_id}")
            await lease_expires(bare)
            await advance(bare, run_id)
        else:
            break
        run, signed, told = await stored(bare, run_id)
        assert (run.status, len(signed), told) == ("completed", 1, ["run-completed"])
        file = tmp_path / "r.json"
        file.write_text(await receipts.receipt_of(bare, f"r-{run_id}"), encoding="utf-8")
        found = await receipts.verify_receipt(bare.settings, file, None, None, strict=True)
        assert found.valid, found.sentence
        died += 1
    assert died > 5  # it was killed before, while and after it signed


async def test_a_run_cancelled_after_it_was_signed_has_no_receipt(bare: Backends) -> None:
    commits = 0
    while True:  # until it dies between the signature and the end of the run
        run_id = await all_but_signed(bare)
        with pytest.raises(Killed), killed_before(commits):
            await advance(bare, run_id)
        run, signed, _ = await stored(bare, run_id)
        await lease_expires(bare)
        if signed and run.status == "running":
            break
        commits += 1
    await runs.cancel_run(bare, f"r-{run_id}", ANALYST)
    await advance(bare, run_id)
    run, signed, told = await stored(bare, run_id)
    assert (run.status, signed, told) == ("cancelled", [], ["run-cancelled"])
    with pytest.raises(NotFoundError, match="has no receipt: it is cancelled"):
        await receipts.receipt_of(bare, f"r-{run_id}")


async def test_a_run_that_is_older_than_receipts_is_explained(bare: Backends) -> None:
    run_id = await all_but_signed(bare)
    async with bare.database.transaction() as session:
        (await session.get_one(Run, run_id)).status = "completed"
    with pytest.raises(NotFoundError, match="completed before flywheel signed receipts"):
        await receipts.receipt_of(bare, "last")
