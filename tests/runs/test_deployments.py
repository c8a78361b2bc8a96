"""Runs on a platform that deploys: who holds which GPUs, and that nothing is left up."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import select

from flywheel.clock import utc_now
from flywheel.db.models import Step
from flywheel.ports.backends import Backends
from flywheel.service import garbage, planning, runs
from flywheel.service.logs import import_files
from flywheel.settings import Settings
from flywheel.views import RunRequest, RunView, StepView, WaitsView
from flywheel.wiring import open_backends
from tests.runs.test_tool_runs import WISHES, tool_log
from tests.support.deploying import DeployingPlatform
from tests.support.planted import Planted, changed, redressed
from tests.support.running import SHELL, ended, until, working

CANDIDATES = (
    Planted("one", 1.0, redressed),
    Planted("two", 0.5, changed),
    Planted("three", 0.2, changed),
)
On = Callable[..., tuple[Backends, DeployingPlatform]]


@pytest.fixture
async def on(settings: Settings, tmp_path: Path) -> AsyncIterator[On]:
    """Every real part, on a platform with so many GPUs."""
    async with open_backends(settings) as opened:
        log = tool_log(tmp_path / "log.jsonl")
        await import_files(opened.logs, [log], reject_dir=tmp_path / "rejects")

        def with_gpus(gpus: int, **more: object) -> tuple[Backends, DeployingPlatform]:
            platform = DeployingPlatform(tmp_path, gpus, *CANDIDATES, **more)  # type: ignore[arg-type]
            return replace(opened, platform=platform), platform

        yield with_gpus


async def start(backends: Backends, **wishes: object) -> RunView:
    names = [candidate.name for candidate in CANDIDATES]
    request = RunRequest.model_validate({**WISHES, "candidates": names, **wishes})
    return await runs.start_run(backends, request, SHELL)


@pytest.mark.slow
@pytest.mark.parametrize("gpus", [1, 2])
async def test_whatever_there_is_of_gpus_the_run_ends_and_leaves_nothing_up(
    on: On, gpus: int
) -> None:
    backends, platform = on(gpus)
    async with working(backends):
        views = [await until(backends, (await start(backends)).id, ended)]
        if gpus == 2:  # two at once share them
            both = [await start(backends) for _ in range(2)]
            views += [await until(backends, run.id, ended) for run in both]
    for view in views:
        assert view.status == "completed", view.error
        assert {step.status for step in view.steps} == {"completed"}
        assert view.recommendation is not None
        assert view.recommendation.model_name == "one"
        assert {dataset.num_records for dataset in view.datasets} >= {120}
    assert platform.deployed() == set()
    assert platform.held() == 0
    assert platform.most_held() == gpus
    assert set(platform.started().values()) == {1}


async def test_a_deployment_that_fails_fails_its_candidate_alone(on: On) -> None:
    backends, platform = on(2, failing={"two"})
    async with working(backends):
        view = await until(backends, (await start(backends)).id, ended)
    assert view.status == "completed", view.error
    by_name = {candidate.model_name: candidate for candidate in view.nims}
    assert "No image of that name." in (by_name["two"].error or "")
    assert by_name["two"].customized is None
    assert by_name["one"].customized is not None
    assert platform.deployed() == set()
    assert platform.held() == 0


def says(words: str) -> Callable[[RunView], bool]:
    """Whether a step that waits says so."""
    return lambda view: any(s.status == "pending" and words in s.message for s in view.steps)


async def test_what_cannot_be_counted_or_is_too_little_is_waited_for(on: On) -> None:
    backends, platform = on(0)
    platform.uncounted = "The cluster does not answer."
    async with working(backends):
        run = await start(backends, candidates=["one"])
        await until(backends, run.id, says("The cluster does not answer."))
        assert platform.held() == 0
        platform.uncounted = ""
        await until(backends, run.id, says("needs 1 of gpu, and there are 0"))
        platform.gpus = 1
        view = await until(backends, run.id, ended)
    assert view.status == "completed", view.error


async def test_a_cancelled_run_takes_down_what_it_had_deployed(on: On) -> None:
    backends, platform = on(4)

    def is_up(view: RunView) -> bool:
        return any(s.kind == "deploy" and s.status == "completed" for s in view.steps)

    async with working(backends):
        run = await start(backends)
        await until(backends, run.id, is_up)
        await runs.cancel_run(backends, run.id, SHELL)
        view = await until(backends, run.id, ended)
    assert view.status in {"cancelled", "completed"}
    assert platform.deployed() == set()
    assert platform.held() == 0


async def test_the_plan_says_when_and_how_much_and_what_cannot_be(on: On) -> None:
    backends, _ = on(1)
    request = RunRequest.model_validate({**WISHES, "candidates": ["one", "two"]})
    view = await planning.plan_run(backends, request)
    assert (view.budget, view.runs_before, view.measured) == ({"gpu": 1}, 0, False)
    assert view.held_seconds["gpu"] >= 2 * (20 + 5)
    trained = [s for s in view.steps if s.kind == "customize"]
    served = [s for s in view.steps if s.kind == "deploy"]
    assert [step.start_seconds for step in trained] == [11, 31]  # one after the other
    assert all(step.held_until_seconds > step.end_seconds for step in served)
    assert view.seconds == max(step.end_seconds for step in view.steps)
    assert view.impossible == []

    nothing, _ = on(0)
    impossible = (await planning.plan_run(nothing, request)).impossible
    assert "customize of one needs 1 of gpu, and there are 0" in impossible
    assert await garbage.leftovers(backends) == []


@pytest.mark.slow
async def test_the_run_with_the_higher_priority_goes_first(on: On) -> None:
    backends, platform = on(1)
    low = await start(backends, candidates=["one"])
    high = await start(backends, candidates=["two"], priority=5)
    async with working(backends):
        views = [await until(backends, run.id, ended) for run in (low, high)]
    assert [view.status for view in views] == ["completed"] * 2
    taken = [name for name in platform.started() if name.endswith("customize")]
    assert len(taken) == 2
    assert platform.held() == 0


def of(view: RunView, kind: str, candidate: str) -> StepView:
    return next(s for s in view.steps if (s.kind, s.candidate) == (kind, candidate))


async def test_what_is_expected_of_a_run_is_what_was_planned(on: On) -> None:
    backends, _ = on(1)
    first = await start(backends, candidates=["one"])
    request = RunRequest.model_validate({**WISHES, "candidates": ["two"]})
    plan = await planning.plan_run(backends, request)
    before = utc_now()
    second = await runs.get_run(backends, (await start(backends, candidates=["two"])).id)
    first = await runs.get_run(backends, first.id)
    assert second.expected_end is not None
    assert first.expected_end is not None
    assert (second.expected_end - before).total_seconds() == pytest.approx(plan.seconds, abs=2)
    assert plan.runs_before == 1

    trains = of(second, "customize", "two").expected_start
    assert trains is not None
    earlier = of(first, "customize", "one").expected_end
    assert earlier is not None
    assert trains >= earlier  # on the only GPU
    assert second.expected_end > first.expected_end
    listed = await runs.list_runs(backends)
    assert [view.id for view in listed] == [second.id, first.id]
    assert all(view.expected_end for view in listed)

    await runs.cancel_run(backends, first.id, SHELL)
    alone = await runs.get_run(backends, second.id)
    assert alone.expected_end is not None
    assert alone.expected_end < second.expected_end
    assert (await runs.get_run(backends, first.id)).expected_end is None


async def test_of_what_can_never_start_or_is_not_known_nothing_is_expected(on: On) -> None:
    backends, platform = on(0)
    run = await start(backends, candidates=["one"])
    view = await runs.get_run(backends, run.id)
    assert of(view, "customize", "one").expected_start is None
    assert view.steps[0].expected_end is not None  # its datasets can be built
    assert view.expected_end is None
    platform.uncounted = "The cluster does not answer."
    view = await runs.get_run(backends, run.id)
    assert view.steps[0].expected_end is None


async def test_a_step_that_waits_names_the_runs_that_have_what_it_needs(on: On) -> None:
    backends, _ = on(1)
    ids = [(await start(backends, candidates=["one"])).id for _ in range(3)]
    now = utc_now()
    async with backends.database.transaction() as session:
        for step in await session.exec(select(Step)):
            if step.kind == "build-datasets":
                step.status, step.started_at, step.finished_at = "completed", now, now
            elif step.kind == "customize":
                step.pool, step.amount, step.ready_since = "gpu", 1, now
                if step.run_id == 1:
                    step.status, step.started_at = "running", now
    waits = [of(await runs.get_run(backends, run_id), "customize", "one").waits for run_id in ids]
    assert waits == [
        None,
        WaitsView(pool="gpu", held_by=["r-1"], place=1),
        WaitsView(pool="gpu", held_by=["r-1"], place=2),
    ]


@pytest.mark.slow
async def test_a_step_that_waits_says_how_many_are_before_it_and_from_when_it_should_run(
    on: On,
) -> None:
    backends, _ = on(1)
    async with working(backends):
        run = await start(backends)
        view = await until(backends, run.id, says("waits for room, 1 before it"))
        waits = next(s for s in view.steps if "1 before it" in s.message)
        running = [s for s in view.steps if s.status == "running"]
        await until(backends, run.id, ended)
    assert waits.expected_start is not None
    assert waits.expected_end is not None
    assert waits.expected_end > waits.expected_start
    assert all(s.expected_start is None for s in running)
    assert all(s.expected_end is not None for s in running)
    over = await runs.get_run(backends, run.id)
    assert over.expected_end is None
    assert {s.expected_end for s in over.steps} == {None}
