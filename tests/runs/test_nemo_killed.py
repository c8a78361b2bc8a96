"""A worker that is killed at the calls to NeMo, just before and just after it has acted."""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from flywheel.service.logs import import_files
from flywheel.settings import Settings
from flywheel.views import RunView
from flywheel.wiring import open_backends
from tests.support.nemo_double import Fault, NemoDouble
from tests.support.nemo_jobs import SMALL
from tests.support.running import ended, start, until, write_log
from tests.support.workers import kill, worker

CHANGES = r"^(POST|PUT|DELETE|PATCH) (?!.*chat/completions)"
DEATHS = 3  # of each kind at calls of one route: several jobs are made by the same


@dataclass
class Deadly(Fault):
    """The next call of a route at which not enough workers have died hangs.

    First before NeMo has acted on it, the next time after it has.
    """

    deaths: Counter[tuple[str, str]] = field(default_factory=Counter)

    def meets(self, request: str) -> bool:
        """One call at a time: its worker is about to die."""
        if self.met or re.search(self.route, request) is None:
            return False
        route = re.sub(r"[^/]*\d[^/]*(?=/|$)", "*", request)  # ids and names have digits
        before, after = self.deaths[route, "hang"], self.deaths[route, "hang-after"]
        self.kind = "hang" if before == after else "hang-after"
        if after >= (1 if "namespaces" in route else DEATHS):
            return False
        self.deaths[route, self.kind] += 1
        self.met = 1
        return True


async def survived(
    nemo: Settings, folder: Path, deadly: Deadly, **wishes: object
) -> tuple[RunView, int]:
    """A run of the small log whose workers die as `deadly` says, and how many did."""
    config = str(folder / "config.yaml")
    async with open_backends(nemo, with_queue=False) as outside:
        log = write_log(folder / "log.jsonl")
        await import_files(outside.logs, [log], reject_dir=folder)
        view = run = await start(outside, eval_size=40, **wishes)
        while not ended(view):
            deadly.met = 0
            async with worker(nemo, FLYWHEEL_CONFIG=config) as process:
                async with asyncio.timeout(90):
                    while not deadly.met and not ended(view):
                        assert process.returncode is None, "the worker ended by itself"
                        await asyncio.sleep(0.02)
                        view = await until(outside, run.id, lambda _: True)
                if deadly.met:
                    await kill(process)
            view = await until(outside, run.id, lambda _: True)
    points = deadly.deaths.total()
    print(f"\nkilled at {points} calls:")
    for (route, kind), times in sorted(deadly.deaths.items()):
        print(f"  {times} x {kind:10} {route}")
    assert view.status == "completed", view.error
    return view, points


def once_each(double: NemoDouble) -> None:
    jobs = {"customization", "evaluation", "deployment", "dataset", "model"}
    effects = Counter(one for one in double.world.journal if one[0] in jobs)
    assert {effect: n for effect, n in effects.items() if n > 1} == {}
    assert double.world.deployments == {}
    assert double.world.gpus_used == {}


@pytest.mark.chaos
async def test_a_run_survives_a_kill_at_every_kind_of_call_that_changes_something(
    nemo_settings: Settings, double: NemoDouble, tmp_path: Path
) -> None:
    deadly = Deadly(CHANGES, "hang")
    double.faults.append(deadly)
    _, points = await survived(nemo_settings, tmp_path, deadly)
    assert points >= 40
    assert len(double.world.made("customization")) == 2
    once_each(double)


@pytest.mark.chaos
async def test_a_sweep_survives_a_kill_at_its_trainings_and_when_it_stops_one(
    nemo_settings: Settings, double: NemoDouble, tmp_path: Path
) -> None:
    double.world.durations.training = 100  # longer than a worker takes to come back
    deadly = Deadly(r"^POST .*customization/jobs", "hang")
    double.faults.append(deadly)
    sweep = {
        "sweep_config.search": "grid",
        "sweep_config.parameters": '{"learning_rate": [5e-4, 1e-3, 2e-3, 1e-6]}',
    }
    view, points = await survived(
        nemo_settings, tmp_path, deadly, candidates=[SMALL], settings=sweep
    )
    assert points >= 8  # three before and after it was created, one before and after its cancel
    assert {kind for route, kind in deadly.deaths if route.endswith("/cancel")} == {
        "hang",
        "hang-after",
    }
    assert [trial.chosen for trial in view.nims[0].trials] == [False, True, False, False]
    assert view.nims[0].trials[3].stopped is not None
    assert len(double.world.made("customization")) == 4
    once_each(double)
