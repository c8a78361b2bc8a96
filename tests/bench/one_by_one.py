"""The way without a schedule: candidates one after another, looked at every 30 seconds.

As NVIDIA's Data Flywheel Blueprint does it, which does not know how many GPUs there are: deploy;
evaluate as it is and with examples, and beside that fine-tune and evaluate again; take down; the
next. Through the same platform port and on the same double as the run that it is compared with.
"""

import asyncio
from collections.abc import Sequence

from flywheel.ports.platform import Job, JobStatus
from flywheel.settings import IclConfig
from tests.support.nemo_double.clock import Clock
from tests.support.nemo_jobs import Run


async def one_by_one(run: Run, candidates: Sequence[str], poll_seconds: float) -> float:
    """What it takes from uploaded datasets to the end, in seconds of the double."""
    clock = run.double.world.clock
    await run.done(run.upload(), seconds=60)
    began = clock.now()
    for name in candidates:
        await _completed(run, run.deploy(name), clock, poll_seconds)
        await asyncio.gather(
            _completed(run, run.evaluate("base-eval", name), clock, poll_seconds),
            _completed(run, run.evaluate("icl-eval", name, icl=IclConfig()), clock, poll_seconds),
            _tuned(run, name, clock, poll_seconds),
        )
        await run.cancelled(run.deploy(name), seconds=60)
    return clock.now() - began


async def _tuned(run: Run, name: str, clock: Clock, poll_seconds: float) -> None:
    trained = await _completed(run, run.customize(name), clock, poll_seconds)
    assert trained.artifact is not None
    job = run.evaluate("customized-eval", name, artifact=trained.artifact.uri)
    await _completed(run, job, clock, poll_seconds)


async def _completed(run: Run, job: Job, clock: Clock, poll_seconds: float) -> JobStatus:
    await run.platform.start(job)
    while (status := await run.platform.poll(job)).state == "running":
        await clock.sleep(poll_seconds)
    assert status.state == "completed", status.error
    return status
