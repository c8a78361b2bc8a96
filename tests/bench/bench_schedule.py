"""How good the schedule of a real run is: `python -m tests.bench.bench_schedule`.

The real worker with the adapter for NeMo drives a run of three candidates, on a double of NeMo
whose clock runs fast. All times are in the double's seconds: what our own code takes is in them,
as many times slower as the clock is fast. They are compared with the best possible schedule, found
by trying, and with candidates one after another, measured on the same double. Ends with status 1
where a limit is broken.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path

from sqlmodel import select

from flywheel.adapters.nemo import NemoPlatform
from flywheel.db.models import Step
from flywheel.ports.backends import Backends
from flywheel.service.logs import import_files
from flywheel.settings import Settings, load_settings
from flywheel.wiring import open_backends
from tests.bench.best_schedule import Shape, best_schedule
from tests.bench.gantt import Bar, gantt, most_held
from tests.bench.one_by_one import one_by_one
from tests.support.nemo_double import Durations, NemoDouble
from tests.support.nemo_jobs import Run, datasets
from tests.support.running import ended, start, until, working, write_log

SHAPE = Shape()
CANDIDATES = (
    "meta/llama-3.2-1b-instruct",
    "meta/llama-3.2-3b-instruct",
    "meta/llama-3.1-8b-instruct",
)
BEST_LIMIT = 1.10
LIMITS = {2: 0.55, 4: 0.40}  # of one after another, by GPUs
SPEED = 60.0
LEAST = {  # what steps take by themselves
    "customize": SHAPE.tune,
    "deploy": SHAPE.deploy,
    "base-eval": SHAPE.base,
    "customized-eval": SHAPE.customized,
}
NEMO_POLL = 5.0  # the default, in the double's seconds
ONE_BY_ONE_POLL = 30.0
ONE_BY_ONE_FASTER = 2  # the clock may run: between its looks that driver does nothing
# The default of 0.5 s would be 8 ms here: arq alone looks into its queue every 100 ms.
WORKER_POLL = 0.05
RECORDS, EVAL_SIZE = 150, 20


def main() -> None:
    """Measure and print; exits with 1 where a limit is broken."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--speed", type=float, default=SPEED, help="of the double's clock")
    arguments.add_argument("--gpus", type=int, nargs="+", default=list(LIMITS))
    chosen = arguments.parse_args()
    print(
        f"{len(CANDIDATES)} candidates of 1 GPU: deploy {SHAPE.deploy:.0f} s, base eval "
        f"{SHAPE.base:.0f} s, fine-tune {SHAPE.tune:,.0f} s, sync {SHAPE.sync:.0f} s, customized "
        f"eval {SHAPE.customized:.0f} s.\nThe clock runs {chosen.speed:g} times as fast as time. "
        f"NeMo is asked every {NEMO_POLL:g} s of it; the worker looks every "
        f"{WORKER_POLL * chosen.speed:g} s of it, and as long as a look takes "
        f"(load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores).\nOne by one is looked at "
        f"every {ONE_BY_ONE_POLL:g} s, on a clock that is {ONE_BY_ONE_FASTER} times as fast.\n",
        flush=True,
    )
    if not asyncio.run(measure(chosen.speed, chosen.gpus)):
        print("\nA limit is broken.")
        sys.exit(1)
    print("\nEvery limit is kept.")


async def measure(speed: float, numbers: list[int]) -> bool:
    """Print charts and a table; whether all limits are kept."""
    with tempfile.TemporaryDirectory() as folder:
        alone = await baseline(speed * ONE_BY_ONE_FASTER, Path(folder) / "alone")
    lines, kept = [], True
    for gpus in numbers:
        with tempfile.TemporaryDirectory() as folder:
            bars = await scheduled(speed, gpus, Path(folder))
        seconds = max(bar.end for bar in bars if bar.kind.endswith("-eval"))
        print(f"{gpus} GPUs, as it went:", *gantt(bars, seconds), "", sep="\n", flush=True)
        assert most_held(bars) <= gpus
        for bar in bars:
            assert bar.end - bar.start >= LEAST.get(bar.kind, 0.0), f"{bar} was too quick"
        best = best_schedule(SHAPE, len(CANDIDATES), gpus)
        limit = LIMITS.get(gpus, 1.0)
        kept = kept and seconds <= BEST_LIMIT * best.seconds and seconds <= limit * alone
        lines.append(
            f"{gpus:4} {seconds:8,.0f} s {best.seconds:8,.0f} s {seconds / best.seconds:7.3f} "
            f"({BEST_LIMIT:.2f}) {alone:11,.0f} s {seconds / alone:7.3f} ({limit:.2f})"
        )
    print(
        "GPUs  wall time   best possible  ratio (limit)  one by one  ratio (limit)",
        *lines,
        sep="\n",
    )
    return kept


def durations() -> Durations:
    """The shape, as the double takes it; being listed is a part of being deployed."""
    listing = 5.0
    return Durations(
        training=SHAPE.tune,
        sync=SHAPE.sync,
        deployment=SHAPE.deploy - listing,
        listing=listing,
        evaluation=SHAPE.base,
        customized_evaluation=SHAPE.customized,
    )


def settings_on(double: NemoDouble, gpus: int, folder: Path, poll_seconds: float) -> Settings:
    """A home in that folder, and one pool of GPUs on the double."""
    nims = [
        {
            "model_name": name,
            "tag": "1.8.3",
            "customization_enabled": True,
            "customizer_configs": {"target": f"{name}@2.0"},
        }
        for name in CANDIDATES
    ]
    nemo = {
        "nemo_base_url": double.nemo,
        "nim_base_url": double.nim,
        "datastore_base_url": double.datastore,
        "gpu_budget": gpus,
        "poll_seconds": poll_seconds,
    }
    config = folder / "config.yaml"  # JSON is YAML
    config.write_text(json.dumps({"platform": "nemo", "nmp_config": nemo, "nims": nims}))
    worker = {"poll_seconds": WORKER_POLL, "lease_seconds": 5, "sweep_seconds": 1}
    return load_settings(
        environ={
            "FLYWHEEL_HOME": str(folder / "home"),
            "FLYWHEEL_CONFIG": str(config),
            "FLYWHEEL_WORKER_CONFIG": json.dumps(worker),
        }
    )


async def baseline(speed: float, folder: Path) -> float:
    """One candidate after another; of two GPUs one trains and one serves."""
    files = datasets(folder / "data")
    with NemoDouble(speed, durations(), gpus=2) as double:
        settings = settings_on(double, 2, folder, 0.0)
        platform = NemoPlatform(
            settings.nmp_config,
            settings.nims,
            folder / "nemo",
            judge=settings.llm_judge_config,
            evaluation=settings.evaluation_config,
        )
        try:
            run = Run(platform, double, files, "fw-0123456789ab")
            return await one_by_one(run, CANDIDATES, ONE_BY_ONE_POLL)
        finally:
            await platform.close()


async def scheduled(speed: float, gpus: int, folder: Path) -> list[Bar]:
    """A whole run by the real worker; its steps from the moment that the datasets are there."""
    with NemoDouble(speed, durations(), gpus) as double:
        async with open_backends(settings_on(double, gpus, folder, NEMO_POLL / speed)) as backends:
            log = write_log(folder / "log.jsonl", RECORDS)
            await import_files(backends.logs, [log], reject_dir=folder)
            await backends.platform.ping()  # a worker that is up has imported what it needs
            async with working(backends):
                run = await start(backends, eval_size=EVAL_SIZE)
                view = await until(backends, run.id, ended, seconds=20 * 60)
            assert view.status == "completed", view.error
            assert double.world.deployments == {}
            return await _bars(backends, speed)


async def _bars(backends: Backends, speed: float) -> list[Bar]:
    async with backends.database.transaction() as session:
        steps = list(await session.exec(select(Step)))
    (began,) = (step.finished_at for step in steps if step.kind == "upload-datasets")
    assert began is not None
    bars = []
    for step in steps:
        if step.candidate and step.kind != "undeploy":
            assert step.started_at is not None
            assert step.finished_at is not None
            first, last = (
                (moment - began).total_seconds() * speed
                for moment in (step.started_at, step.finished_at)
            )
            bars.append(Bar(step.candidate, step.kind, first, last))
            if step.kind == "deploy":
                assert step.released_at is not None
                released = (step.released_at - began).total_seconds() * speed
                bars.append(Bar(step.candidate, "held", last, released))
    return bars


if __name__ == "__main__":
    main()
