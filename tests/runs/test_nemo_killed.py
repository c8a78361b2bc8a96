"""A worker that is killed at every call to NeMo, just before and just after it has acted."""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from flywheel.service.logs import import_files
from flywheel.settings import Settings
from flywheel.wiring import open_backends
from tests.support.nemo_double import NemoDouble
from tests.support.running import ended, start, until, write_log
from tests.support.workers import kill, worker

CHANGES = r"^(POST|PUT|DELETE|PATCH) (?!.*(chat/completions|/ping))"


@pytest.mark.chaos
async def test_a_run_survives_a_kill_at_every_call_that_changes_something(
    nemo_settings: Settings, double: NemoDouble, tmp_path: Path
) -> None:
    config = str(tmp_path / "config.yaml")
    points: list[tuple[str, str]] = []
    async with open_backends(nemo_settings, with_queue=False) as outside:
        log = write_log(tmp_path / "log.jsonl")
        await import_files(outside.logs, [log], reject_dir=tmp_path)
        run = await start(outside, eval_size=40)
        view = run
        # Each worker dies at the first call that no worker has died at: before NeMo has acted,
        # and the next one after it has.
        while not ended(view):
            assert len(points) < 120, points[-4:]
            kind = "hang-after" if len(points) % 2 else "hang"
            fault = double.fault(CHANGES, kind)
            async with worker(nemo_settings, FLYWHEEL_CONFIG=config) as process:
                met = _met(fault.__dict__)
                while not met() and not ended(view):
                    assert process.returncode is None, "the worker ended by itself"
                    view = await until(outside, run.id, lambda _: True)
                    await asyncio.sleep(0.05)  # nothing here can be waited for: a look now and then
                if met():
                    points.append((kind, double.requests[-1]))
                    await kill(process)
            double.faults.remove(fault)
            view = await until(outside, run.id, lambda _: True)
    print(f"\nkilled at {len(points)} points: {Counter(kind for kind, _ in points)}")
    assert view.status == "completed", view.error
    assert len(points) >= 20
    jobs = {"customization", "evaluation", "deployment", "dataset", "model"}
    effects = Counter(one for one in double.world.journal if one[0] in jobs)
    assert {effect: n for effect, n in effects.items() if n > 1} == {}
    assert len(double.world.made("customization")) == 2
    assert double.world.deployments == {}
    assert double.world.gpus_used == {}


def _met(fault: dict[str, object]) -> Callable[[], bool]:
    return lambda: bool(fault["met"])
