"""Who may approve, how many it takes, and when a question is void."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from flywheel.clock import utc_now
from flywheel.db.models import Approval, Dataset, Run
from flywheel.decisions.policy import policy_document
from flywheel.errors import ConflictError, DataError, ForbiddenError
from flywheel.ports.backends import Backends
from flywheel.service import promotions, runs
from flywheel.service.approvals import decide_approval, expire_due
from flywheel.service.rights import may_approve
from flywheel.settings.sections import ApprovalConfig
from flywheel.views import Actor
from tests.support.running import ANALYST, SHELL, ended, start, until, working

ADA = Actor(id="U-ADA", name="ada", origin="slack")
BEN = Actor(id="U-BEN", name="ben", origin="slack")
CAT = Actor(id="U-CAT", name="cat", origin="slack", groups=frozenset({"S-LEADS"}))
MODEL = "hashing-sgd"


def allowing(backends: Backends, *approvers: str, **workloads: list[str]) -> Backends:
    config = ApprovalConfig(approvers=list(approvers), workloads=workloads)
    settings = backends.settings.model_copy(update={"approval_config": config})
    return replace(backends, settings=settings)


@asynccontextmanager
async def asked(backends: Backends, **rule: Any) -> AsyncIterator[str]:
    """The approval of the kept run, as if its policy had this rule; ANALYST asked for the run."""
    async with backends.database.transaction() as session:
        run = (await session.exec(select(Run))).one()
        lines = "".join(f"  {key}: {value}\n" for key, value in rule.items())
        document = policy_document(f"approval:\n{lines}" if lines else "margin: 0.25\n", "p.yaml")
        run.policy = document.model_dump(mode="json")
        approval = (await session.exec(select(Approval))).one()
        approval.needed = document.parsed().approval.approvals
        yield approval.id


async def actions(backends: Backends) -> list[tuple[str, str]]:
    return [(e.action, e.actor) for e in await promotions.audit_trail(backends)]


async def test_people_and_groups_decide_by_workload() -> None:
    rules = ApprovalConfig(approvers=["U-ADA"], workloads={"risk": ["S-LEADS", "U-BEN"]})

    class _Backends:
        class settings:  # noqa: N801
            approval_config = rules

        hidden: frozenset[str] = frozenset()

    def may(actor: Actor, workload: str) -> bool:
        return may_approve(_Backends, actor, workload)  # type: ignore[arg-type]

    assert may(ADA, "news")
    assert not may(ADA, "risk")
    assert not may(BEN, "news")
    assert may(BEN, "risk")
    assert may(CAT, "risk")
    assert not may(CAT, "news")
    assert may(SHELL, "risk")
    assert not may(ADA.model_copy(update={"barred": "a guest"}), "news")


async def test_whoever_asked_for_the_run_does_not_approve_it(completed: Backends) -> None:
    backends = allowing(completed, ANALYST.id, ADA.id)
    async with asked(backends, four_eyes="true") as approval:
        pass
    for attempt in (
        decide_approval(backends, approval, True, ANALYST, "mine"),
        promotions.promote(backends, "r-1", MODEL, ANALYST, "mine"),
    ):
        with pytest.raises(ForbiddenError, match="the policy wants somebody else"):
            await attempt
    assert await promotions.incumbents(backends) == []
    assert ("refused", ANALYST.id) in await actions(backends)
    said = await decide_approval(backends, approval, True, ADA, "good")
    assert said.promotion is not None
    assert await actions(backends) == [
        ("opened", "system"),
        ("refused", ANALYST.id),
        ("refused", ANALYST.id),
        ("approved", ADA.id),
        ("promoted", ADA.id),
    ]
    assert (await promotions.verify_audit(backends)).broken_at is None


async def test_several_people_have_to_approve_the_same_model(completed: Backends) -> None:
    backends = allowing(completed, ADA.id, BEN.id, "S-LEADS")
    async with asked(backends, approvals=2) as approval:
        pass
    said = await decide_approval(backends, approval, True, ADA, "good", MODEL)
    assert (said.promotion, said.approved_by, said.needed) == (None, [ADA.id], 2)
    again = await decide_approval(backends, approval, True, ADA, "good", MODEL)
    assert again.approved_by == [ADA.id]  # one person is one voice, however often
    view = await runs.get_run(backends, "r-1")
    assert view.approval is not None
    assert (view.approval.approved_by, view.approval.needed) == ([ADA.id], 2)
    assert await promotions.incumbents(backends) == []

    other = await promotions.promote(backends, "r-1", "tfidf-logreg", CAT, "the other one")
    assert other.promotion is None
    assert other.approved_by == [CAT.id]
    done = await decide_approval(backends, approval, True, BEN, "good too", MODEL)
    assert done.promotion is not None
    assert done.promotion.model_name == MODEL
    assert done.approved_by == [ADA.id, BEN.id]
    with pytest.raises(ConflictError, match=f"already approved by {BEN.id}"):
        await decide_approval(backends, approval, True, CAT, "late")
    with pytest.raises(ConflictError, match="asks 2 people to approve, and nobody is asked"):
        await promotions.promote(backends, "r-1", "tfidf-logreg", CAT, "alone")


async def test_two_people_at_once_make_one_promotion(completed: Backends) -> None:
    people = [Actor(id=f"U-{n}", name=f"n{n}", origin="slack") for n in range(6)]
    backends = allowing(completed, *(person.id for person in people))
    async with asked(backends, approvals=3) as approval:
        pass

    async def decide(person: Actor) -> str:
        try:
            said = await decide_approval(backends, approval, True, person, "good", MODEL)
        except ConflictError:
            return "late"
        return "promoted" if said.promotion else "counted"

    said = sorted(await asyncio.gather(*(decide(person) for person in people)))
    assert said == ["counted"] * 2 + ["late"] * 3 + ["promoted"]
    assert len(await promotions.incumbents(backends)) == 1
    trail = await actions(backends)
    assert sum(action == "approved" for action, _ in trail) == 3
    assert sum(action == "refused" for action, _ in trail) == 3
    assert (await promotions.verify_audit(backends)).broken_at is None


async def test_one_who_rejects_ends_it(completed: Backends) -> None:
    backends = allowing(completed, ADA.id, BEN.id)
    async with asked(backends, approvals=2) as approval:
        pass
    await decide_approval(backends, approval, True, ADA, "good", MODEL)
    await decide_approval(backends, approval, False, BEN, "no")
    with pytest.raises(ConflictError, match=f"already rejected by {BEN.id}"):
        await decide_approval(backends, approval, True, ADA, "but", MODEL)


async def test_after_its_time_nobody_decides(completed: Backends) -> None:
    backends = allowing(completed, ADA.id)
    async with backends.database.transaction() as session:
        approval = (await session.exec(select(Approval))).one()
        assert approval.expires_at is not None  # after a week, by the policy
        approval.expires_at = utc_now() - timedelta(seconds=1)
        approval_id = approval.id
    assert (await runs.get_run(backends, "r-1")).approval_id is None
    with pytest.raises(ConflictError, match="time to decide on this is over"):
        await decide_approval(backends, approval_id, True, ADA, "good")
    assert [a for a, _ in await actions(backends)] == ["opened", "expired", "refused"]
    assert await expire_due(backends) == 0


async def test_what_nobody_decided_in_time_is_closed_by_the_worker(completed: Backends) -> None:
    version = (await runs.get_run(completed, "r-1")).version
    async with completed.database.transaction() as session:
        (await session.exec(select(Approval))).one().expires_at = utc_now()
    assert await expire_due(completed) == 1
    assert (await runs.get_run(completed, "r-1")).version > version  # so its card is drawn anew
    assert [a for a, _ in await actions(completed)] == ["opened", "expired"]


async def test_a_changed_dataset_makes_the_question_void(completed: Backends) -> None:
    backends = allowing(completed, ADA.id)
    async with completed.database.transaction() as session:
        approval = (await session.exec(select(Approval))).one()
        evaluation = (await session.exec(select(Dataset).where(Dataset.name == "eval"))).one()
    with Path(evaluation.uri).open("ab") as file:  # noqa: ASYNC230 # a few bytes
        file.write(b" ")
    with pytest.raises(DataError, match="dataset eval is not the one that the verdict rests on"):
        await decide_approval(backends, approval.id, True, ADA, "good")
    assert (await runs.get_run(backends, "r-1")).approval_id is None
    with pytest.raises(ConflictError, match=r"superseded\. The dataset eval is not"):
        await decide_approval(backends, approval.id, True, ADA, "good")


async def test_another_incumbent_makes_the_question_void(completed: Backends) -> None:
    backends = allowing(completed, ADA.id)
    async with working(completed):
        run = await start(completed, eval_size=100)
        view = await until(completed, run.id, ended)
    assert view.approval_id is not None
    trail = await promotions.audit_trail(completed)
    assert [(e.action, e.run_id) for e in trail] == [
        ("opened", 1),
        ("superseded", 1),
        ("opened", 2),
    ]
    # Somebody promotes a model of the older run: what was asked about stands no more.
    await promotions.promote(completed, "r-1", MODEL, SHELL, "that one")
    with pytest.raises(ConflictError, match="Another model has been promoted"):
        await decide_approval(backends, view.approval_id, True, ADA, "good")
    assert [p.run_id for p in await promotions.incumbents(backends)] == ["r-1"]
