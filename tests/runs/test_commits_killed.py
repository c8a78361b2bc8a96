"""A worker that is killed at the commits of a run on NeMo, just before and just after them."""

import asyncio
import signal
from collections import Counter
from pathlib import Path

import pytest

from flywheel.service.logs import import_files
from flywheel.settings import Settings
from flywheel.wiring import open_backends
from tests.support import mortal_worker
from tests.support.nemo_double import NemoDouble
from tests.support.running import (
    assert_everything_happened_once,
    ended,
    start,
    until,
    write_log,
)
from tests.support.workers import worker

DEATHS = 1  # before, and after, each kind of commit


@pytest.mark.chaos
async def test_a_run_survives_a_kill_before_and_after_every_kind_of_commit(
    nemo_settings: Settings, double: NemoDouble, tmp_path: Path
) -> None:
    deaths = tmp_path / "deaths"
    program = (mortal_worker.__file__, str(deaths), str(DEATHS))
    config = str(tmp_path / "config.yaml")
    async with open_backends(nemo_settings, with_queue=False) as outside:
        log = write_log(tmp_path / "log.jsonl")
        await import_files(outside.logs, [log], reject_dir=tmp_path)
        view = run = await start(outside, eval_size=40)
        while not ended(view):
            async with worker(nemo_settings, program=program, FLYWHEEL_CONFIG=config) as process:
                over = asyncio.create_task(until(outside, run.id, ended, seconds=120))
                dead = asyncio.create_task(process.wait())
                await asyncio.wait({over, dead}, return_when=asyncio.FIRST_COMPLETED)
                over.cancel()
            assert process.returncode in {0, -signal.SIGKILL}, "it failed"
            view = await until(outside, run.id, lambda _: True)
        points = Counter(deaths.read_text().splitlines())
        print(f"\nkilled at {points.total()} commits:")
        for death, times in sorted(points.items()):
            print(f"  {times} x {death}")
        await assert_everything_happened_once(outside, view)
    async with open_backends(nemo_settings):
        pass  # the last worker may have been killed: whoever leaves last stops the queue's server
    assert sum(times for death, times in points.items() if "[" in death) >= 40  # that change rows
    jobs = {"customization", "evaluation", "deployment", "dataset", "model"}
    effects = Counter(one for one in double.world.journal if one[0] in jobs)
    assert {effect: n for effect, n in effects.items() if n > 1} == {}
    assert len(double.world.made("customization")) == 2
    assert double.world.deployments == {}
    assert double.world.gpus_used == {}
