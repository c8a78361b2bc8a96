"""To whoever may not see a workload it is, word for word, as if it were not there."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import BaseModel
from sqlmodel import col, delete, select, update

from flywheel.clock import utc_now
from flywheel.db.models import Approval, Promotion, Run, Schedule, Step
from flywheel.errors import FlywheelError
from flywheel.ports.backends import Backends
from flywheel.ports.logs import StoredRecord
from flywheel.schedules.parsing import parse_rule
from flywheel.service import (
    approvals,
    comparing,
    eval_sets,
    home,
    logs,
    policies,
    promotions,
    receipts,
    review,
    rights,
    runs,
    schedules,
)
from flywheel.service.questions import ask
from flywheel.service.visibility import seen_by, sees
from flywheel.settings.access import AccessConfig
from flywheel.settings.sections import ApprovalConfig
from flywheel.views import API_ANONYMOUS, Actor, RunRequest
from flywheel.wiring import open_backends
from tests.support.running import APPROVER, settings_of
from tests.support.scored_runs import CLASSES, add_run

SECRET = "takeovers"
ANN = Actor(id="U0ANN00001", name="ann", origin="slack")
BEN = Actor(id="U0BEN00002", name="ben", origin="slack")
OF_THE_GROUP = Actor(id="U0CAT00003", name="cat", origin="slack", groups=frozenset({"S0LEADS0001"}))
SEEN_BY = {SECRET: [ANN.id, "S0LEADS0001", "api:reports", API_ANONYMOUS]}


def labels(row: int) -> tuple[str, str | None]:
    return CLASSES[row % 3], CLASSES[(row + (row % 20 == 0)) % 3]


def secret_labels(row: int) -> tuple[str, str | None]:
    return ("Hostile", "Friendly")[row % 2], "Hostile"


def records(workload: str, label: str) -> list[StoredRecord]:
    body = orjson.dumps({"workload_id": workload})
    return [
        StoredRecord(
            f"{workload}-{i}".encode().hex(), 1_760_000_000.0 + i, workload, "desk", label, body
        )
        for i in range(5)
    ]


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same home with the secret workload, and without."""
    folder = tmp_path_factory.mktemp("homes")
    asyncio.run(_make(folder))
    return folder / "with", folder / "without"


async def _make(folder: Path) -> None:
    async with open_backends(settings_of(folder / "with"), with_queue=False) as backends:
        for workload, of in (("news", labels), (SECRET, secret_labels)) * 2:
            await add_run(backends, folder, of, workload_id=workload)
        await add_run(backends, folder, labels, workload_id="news")
        await add_run(backends, folder, secret_labels, workload_id=SECRET)
        async with backends.database.transaction() as session:
            last = (
                update(Run).where(col(Run.id) >= 5).values(status="running", started_at=utc_now())
            )
            await session.exec(last)
            steps = select(Step).where(Step.kind == "customize", col(Step.run_id) >= 5)
            for step in await session.exec(steps.where(Step.candidate == "tfidf-svm")):
                step.pool, step.amount = "jobs", 2
                step.started_at = utc_now() if step.run_id == 6 else None
                step.status = "running" if step.run_id == 6 else "pending"
                step.ready_since = utc_now()
            for run in await session.exec(select(Run).where(Run.workload_id == SECRET)):
                report = dict(run.dataset_report or {})
                run.dataset_report = {**report, "classes": {"Hostile": report["classes"]["Other"]}}
            for run_id, workload in ((1, "news"), (2, SECRET)):
                session.add(
                    Promotion(
                        workload_id=workload,
                        run_id=run_id,
                        model_name="hashing-sgd",
                        model_uri="m",
                        digest=f"d{run_id}",
                        status="active",
                        approved_by="U-ANN",
                        reason="good",
                    )
                )
                session.add(
                    Schedule(
                        workload_id=workload,
                        typed="every day 06:00",
                        rule=parse_rule("every day 06:00").model_dump(mode="json"),
                        request=RunRequest(workload_id=workload).model_dump(mode="json"),
                        made_by="U-ANN",
                        made_by_name="ann",
                        next_due=utc_now(),
                    )
                )
            session.add(Approval(id="hidden", run_id=4, status="open"))
        await backends.logs.append(records("news", "Earnings"))
    shutil.copytree(folder / "with", folder / "without")
    async with open_backends(settings_of(folder / "with"), with_queue=False) as backends:
        await backends.logs.append(records(SECRET, "Hostile"))
    async with (
        open_backends(settings_of(folder / "without"), with_queue=False) as backends,
        backends.database.transaction() as session,
    ):
        for table in (Run, Promotion, Schedule):
            await session.exec(delete(table).where(col(table.workload_id) == SECRET))


@asynccontextmanager
async def opened(path: Path, *, listed: bool) -> AsyncIterator[Backends]:
    """A home in which Ben approves, but for what is listed."""
    changed = {
        "access_config": AccessConfig(workloads=SEEN_BY if listed else {}),
        "approval_config": ApprovalConfig(
            approvers=[APPROVER.id, BEN.id], workloads={SECRET: [ANN.id]} if listed else {}
        ),
    }
    settings = settings_of(path).model_copy(update=changed)
    async with open_backends(settings, with_queue=False) as backends:
        yield backends


@pytest.fixture
async def both(homes: tuple[Path, Path]) -> AsyncIterator[tuple[Backends, Backends]]:
    async with opened(homes[0], listed=True) as full, opened(homes[1], listed=False) as without:
        yield full, without


async def test_who_sees_what(both: tuple[Backends, Backends]) -> None:
    backends, _ = both
    api = Actor(id="api:reports", name="reports", origin="api")
    shell = Actor(id="cli:me", name="me", origin="cli")
    nobody = Actor(id=API_ANONYMOUS, name="anonymous", origin="api")
    seeing = [a for a in (ANN, BEN, OF_THE_GROUP, api, shell, nobody) if sees(backends, a, SECRET)]
    assert seeing == [ANN, OF_THE_GROUP, api, shell]
    assert all(sees(backends, actor, "news") for actor in (BEN, nobody))


QUESTIONS = (
    "which model is best{}?",
    "what would we save{} at 4 million requests a month?",
    "why did hashing-sgd lose{}?",
    "status{}",
    "compare hashing-sgd and tfidf-svm{}",
    "who approved the model{}?",
    "how many records{}?",
    "which class is worst{}?",
    "what failed{}?",
    "runs{}",
    "teacher{}",
    "what is wrong with Hostile{}?",
    "how fast is it{}",
    "help{}",
)
OF = ("", " for takeovers", " in r-4", " in r-99", " of run 2", " in the last run", " for news")


async def test_every_answer_is_the_one_of_a_database_without_it(
    both: tuple[Backends, Backends],
) -> None:
    full, without = both
    differ = 0
    for form, (of, focus) in product(QUESTIONS, [*((of, None) for of in OF), ("", "r-4")]):
        question = form.format(of)
        here, there = [await ask(one, question, BEN, focus) for one in (full, without)]
        alike = {"id": there.id, "text": _timeless(here.text)}
        timeless = there.model_copy(update={"text": _timeless(there.text)})
        assert here.model_copy(update=alike) == timeless, (question, here.text, there.text)
        for said in ("takeovers", "Hostile"):
            assert here.text.count(said) <= question.count(said), question
        if focus is None and of in {"", " for takeovers", " in r-4"}:
            differ += (await ask(full, question, ANN, focus)).text != there.text
    assert differ > 20, "and ann is told of it"


Call = Callable[[Backends], Awaitable[Any]]
CALLS: dict[str, Call] = {
    "get": lambda b: runs.get_run(b, "r-4"),
    "last": lambda b: runs.get_run(b, "last"),
    "list": runs.list_runs,
    "list of it": lambda b: runs.list_runs(b, SECRET),
    "cancel": lambda b: runs.cancel_run(b, "r-6", BEN),
    "retry": lambda b: runs.retry_run(b, "r-4", BEN),
    "delete": lambda b: runs.delete_run(b, "r-4", BEN),
    "start": lambda b: runs.start_run(b, RunRequest(workload_id=SECRET), BEN),
    "compare": lambda b: comparing.compare_runs(b, "r-4", "r-2"),
    "compare last": comparing.compare_runs,
    "decide": lambda b: approvals.decide_approval(b, "hidden", True, BEN, "because it is good"),
    "promote": lambda b: promotions.promote(b, "r-4", "hashing-sgd", BEN, "because it is good"),
    "roll back": lambda b: promotions.rollback(b, SECRET, BEN, "because it is bad"),
    "incumbents": promotions.incumbents,
    "workloads": logs.list_workloads,
    "policy": policies.policy_for,
    "policy of it": lambda b: policies.policy_for(b, SECRET),
    "policy of a run": lambda b: policies.policy_of(b, "r-4"),
    "receipt": lambda b: receipts.receipt_of(b, "r-4"),
    "schedules": schedules.list_schedules,
    "schedule": lambda b: schedules.get_schedule(b, "s-2"),
    "pause": lambda b: schedules.pause_schedule(b, "s-2", BEN),
    "add": lambda b: schedules.add_schedule(
        b, RunRequest(workload_id=SECRET), "every day 06:00", BEN
    ),
    "freeze": lambda b: eval_sets.freeze(b, "r-4", BEN),
    "release": lambda b: eval_sets.release(b, SECRET, None, BEN),
    "sets": eval_sets.eval_sets,
    "review": lambda b: review.standing(b, "r-4", None, BEN),
    "home": lambda b: home.home(b, BEN),
}


@pytest.mark.parametrize("name", CALLS)
async def test_so_is_every_other_look_and_every_refusal(
    name: str, both: tuple[Backends, Backends]
) -> None:
    here, there = [await _outcome(CALLS[name], seen_by(one, BEN)) for one in both]
    assert here == there
    if name in {"get", "list of it", "incumbents", "workloads", "schedules", "home"}:
        assert await _outcome(CALLS[name], seen_by(both[0], ANN)) != there


async def test_what_is_on_record_of_it_is_for_those_who_see_it(
    both: tuple[Backends, Backends],
) -> None:
    full, _ = both
    with pytest.raises(FlywheelError):
        await rights.require(full, OF_THE_GROUP, SECRET, "promote")
    trails = [await promotions.audit_trail(seen_by(full, who)) for who in (ANN, BEN)]
    assert [any(e.workload_id == SECRET for e in trail) for trail in trails] == [True, False]


async def test_who_holds_what_a_run_waits_for_is_told_to_those_who_see_it(
    both: tuple[Backends, Backends],
) -> None:
    full, _ = both
    views = [await runs.get_run(seen_by(full, who), "r-5") for who in (ANN, BEN)]
    views.append(await runs.run_for_a_channel(full, "r-5"))
    held = [[step.waits.held_by for step in view.steps if step.waits] for view in views]
    assert held == [[["r-6"]], [], []]
    assert (await runs.run_for_a_channel(full, "r-6")).workload_id == SECRET


def _timeless(text: str) -> str:
    """Without what moves with the clock, and counts the runs that share the platform."""
    return re.sub(r"[\d.]+ s ago|in about .*", "", text)


async def _outcome(call: Call, backends: Backends) -> object:
    try:
        found = await call(backends)
    except FlywheelError as error:
        return type(error), error.message, error.hint
    shown = found if isinstance(found, list) else [found]
    dumped = [one.model_dump(mode="json") if isinstance(one, BaseModel) else one for one in shown]
    return _without_times(dumped)


def _without_times(value: Any) -> Any:
    """What is expected of runs counts those that share the platform, and moves with the clock."""
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if k not in {"expected_start", "expected_end"}}
        return {key: _without_times(one) for key, one in kept.items()}
    return [_without_times(one) for one in value] if isinstance(value, list) else value
