"""A worker that is killed at the calls to NeMo, just before and just after it has acted."""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from flywheel.service.logs import import_files
from flywheel.settings import Settings
from flywheel.wiring import open_backends
from tests.support.nemo_double import Fault, NemoDouble
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


@pytest.mark.chaos
async def test_a_run_survives_a_kill_at_every_kind_of_call_that_changes_something(
    nemo_settings: Settings, double: NemoDouble, tmp_path: Path
) -> None:
    deadly = Deadly(CHANGES, "hang")
    double.faults.append(deadly)
    config = str(tmp_path / "config.yaml")
    async with open_backends(nemo_settings, with_queue=False) as outside:
        log = write_log(tmp_path / "log.jsonl")
        await import_files(outside.logs, [log], reject_dir=tmp_path)
        view = run = await start(outside, eval_size=40)
        while not ended(view):
            deadly.met = 0
            async with worker(nemo_settings, FLYWHEEL_CONFIG=config) as process:
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
    assert points >= 40
    jobs = {"customization", "evaluation", "deployment", "dataset", "model"}
    effects = Counter(one for one in double.world.journal if one[0] in jobs)
    assert {effect: n for effect, n in effects.items() if n > 1} == {}
    assert len(double.world.made("customization")) == 2
    assert double.world.deployments == {}
    assert double.world.gpus_used == {}
