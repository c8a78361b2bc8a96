"""What questions see of the newest runs is what everybody sees, whatever has changed meanwhile."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select, update

from flywheel.clock import utc_now
from flywheel.db.models import Approval, Review, Run, Step
from flywheel.insights.exam.company import write_company
from flywheel.ports.backends import Backends
from flywheel.service import runs
from flywheel.service.recent import recent_runs
from flywheel.service.visibility import without
from flywheel.settings.load import load_settings
from flywheel.views import Actor, RunView
from flywheel.wiring import open_backends

SOMEBODY = Actor(id="cli:me", name="me", origin="cli")


@pytest.fixture
async def company(tmp_path: Path) -> AsyncIterator[Backends]:
    """Fifteen runs, of which two go on and two wait for an approval."""
    settings = load_settings(environ={"FLYWHEEL_HOME": str(tmp_path)})
    async with open_backends(settings, with_queue=False) as backends:
        await write_company(backends.database, backends.logs)
        yield backends


async def test_it_is_the_list_of_runs_whatever_changes(company: Backends) -> None:
    async def same() -> list[RunView]:
        """As listed; what is expected of a run moves with the clock."""
        found, listed = await recent_runs(company), await runs.list_runs(company)
        assert [_still(view) for view in found] == [_still(view) for view in listed]
        return found

    assert len(await same()) == 15
    first = {view.id: view for view in await same()}

    await runs.cancel_run(company, "r-14", SOMEBODY)
    assert (await same())[1].status == "cancelling"

    async with company.database.transaction() as session:  # as a worker does
        step = (await session.exec(select(Step).where(Step.run_id == 15))).first()
        run = await session.get_one(Run, 15)
        assert step is not None
        step.message, run.version = "reading the log", run.version + 1
    assert "reading the log" in {step.message for step in (await same())[0].steps}

    async with company.database.transaction() as session:
        session.add(_review())
    audited = next(c for v in await same() if v.id == "r-13" for c in v.nims if c.audit)
    assert audited.model_name == "llama-3.2-3b-instruct"

    async with company.database.transaction() as session:
        run = await session.get_one(Run, 11)
        await session.delete(run)
    assert "r-11" not in {view.id for view in await same()}

    assert first["r-13"].approval is not None
    async with company.database.transaction() as session:  # time goes by; nothing is written
        over = update(Approval).values(expires_at=utc_now() - timedelta(seconds=1))
        await session.exec(over.where(col(Approval.run_id) == 13))
        (await session.get_one(Run, 13)).version += 1
    assert next(view for view in await same() if view.id == "r-13").approval is None


async def test_the_time_of_an_approval_runs_out_by_itself(company: Backends) -> None:
    soon = utc_now() + timedelta(seconds=0.3)
    async with company.database.transaction() as session:
        await session.exec(
            update(Approval).values(expires_at=soon).where(col(Approval.run_id) == 13)
        )
    assert _of(await recent_runs(company), "r-13").approval is not None
    while utc_now() < soon:
        await recent_runs(company)
    assert _of(await recent_runs(company), "r-13").approval is None


async def test_what_is_hidden_is_not_kept_for_those_who_do_not_see_it(company: Backends) -> None:
    assert {v.workload_id for v in await recent_runs(company)} >= {"news_events", "agent_tools"}
    seen = await recent_runs(without(company, ["news_events"]))
    assert "news_events" not in {view.workload_id for view in seen}
    assert [v.id for v in await recent_runs(company, "agent_tools", 2)] == ["r-14", "r-8"]


def _of(views: list[RunView], ref: str) -> RunView:
    return next(view for view in views if view.id == ref)


def _still(view: RunView) -> RunView:
    steps = [
        step.model_copy(update={"expected_start": None, "expected_end": None})
        for step in view.steps
    ]
    return view.model_copy(update={"expected_end": None, "steps": steps, "nims": _timeless(view)})


def _timeless(view: RunView) -> list[object]:
    """Candidates of a run that goes on: their time so far is left out."""
    return [c.model_copy(update={"runtime_seconds": 0, "evaluations": [], "customizations": []})
            if view.finished_at is None else c for c in view.nims]  # fmt: skip


def _review() -> Review:
    return Review(
        run_id=13,
        candidate="llama-3.2-3b-instruct",
        row=0,
        record_id="news_events-0000",
        teacher_label="Earnings",
        candidate_label="Earnings",
        judgement="both",
        reviewer="U0ANNA",
        stratum="Earnings",
        stratum_size=96,
        inclusion=0.01,
    )
