"""The worker: arq brings it the runs to look at, a sweep finds those that nobody was woken for."""

import asyncio
import contextlib
import logging
from time import monotonic
from typing import Any

import orjson
from arq.worker import Worker, func
from redis.exceptions import RedisError

from flywheel.adapters.arq_queue import ADVANCE, HEALTH_KEY, QUEUE_NAME, ArqQueue, to_json
from flywheel.clock import happens
from flywheel.errors import UnavailableError
from flywheel.ports.backends import Backends
from flywheel.runs.advance import advance
from flywheel.runs.drain import Drain
from flywheel.runs.lease import abandoned
from flywheel.service.approvals import expire_due
from flywheel.service.asked import forget_old
from flywheel.service.firing import fire_due
from flywheel.service.tracking import track_due

log = logging.getLogger(__name__)

# arq drops a job that takes longer for good; a look at a run takes seconds, and the sweep
# brings back whatever is dropped.
JOB_TIMEOUT_SECONDS = 60
RETRY_SECONDS = 1.0
HEALTH_SECONDS = 5
STOP_SECONDS = 10.0
_DAY = 86_400.0  # seconds between two looks for questions that are old


async def run_worker(backends: Backends, stop: asyncio.Event, drain: Drain | None = None) -> None:
    """Advance runs until `stop` is set; survives a queue server that goes away and comes back.

    A `drain` that is over sets it as well.
    """
    drain = drain or Drain(log.info)
    draining = asyncio.create_task(_drain(backends, drain, stop))
    swept, outage = asyncio.Event(), _Outage("the queue went away", "the queue answers again")
    sweeper = asyncio.create_task(_sweep(backends, swept))
    tracking = asyncio.create_task(_track(backends, swept))
    firing = asyncio.create_task(_fire(backends, swept))
    try:
        while not stop.is_set():
            if not await _answers(backends, outage):
                await happens(stop, RETRY_SECONDS)
                continue
            worker = _worker(backends, drain)
            running = asyncio.create_task(worker.async_run())
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            await _close(worker, running, outage)
            await happens(stop, RETRY_SECONDS)
    finally:
        draining.cancel()
        swept.set()
        await asyncio.gather(sweeper, tracking, firing)
        with contextlib.suppress(asyncio.CancelledError):
            await draining


async def _drain(backends: Backends, drain: Drain, stop: asyncio.Event) -> None:
    try:
        await drain.over(backends.database, backends.settings.worker_config.poll_seconds)
    finally:
        stop.set()


def _queue(backends: Backends) -> ArqQueue:
    assert isinstance(backends.queue, ArqQueue)  # this module is arq's worker
    return backends.queue


class _Outage:
    """Tells once that a part is away, however often it is tried, and once that it is back."""

    def __init__(self, begun: str, over: str) -> None:
        self._begun, self._over, self._goes_on = begun, over, False

    def met(self, error: Exception) -> None:
        """It did not answer."""
        if not self._goes_on:
            log.warning("%s; it is tried again until it answers: %s", self._begun, error)
        self._goes_on = True

    def over(self) -> None:
        """It has answered."""
        if self._goes_on:
            log.info("%s", self._over)
        self._goes_on = False


async def _answers(backends: Backends, outage: _Outage) -> bool:
    """Whether the queue does. A private server that was killed is started: nobody else would."""
    try:
        await _queue(backends).revive()
        await _queue(backends).ping()
    except UnavailableError as error:
        outage.met(error)
        return False
    outage.over()
    return True


def _worker(backends: Backends, drain: Drain) -> Worker:
    queue = _queue(backends)

    async def advance_job(ctx: dict[Any, Any], run_id: int) -> None:  # noqa: ARG001
        try:
            with drain.look():
                await advance(backends, run_id, drain.may_start)
        except UnavailableError as error:  # the sweep brings the run back
            log.warning("run %s has to wait: %s", run_id, error)

    return Worker(
        functions=[func(advance_job, name=ADVANCE, keep_result=0, timeout=JOB_TIMEOUT_SECONDS)],
        queue_name=QUEUE_NAME,
        redis_settings=queue.redis_settings,
        handle_signals=False,
        max_jobs=backends.settings.worker_config.max_concurrent_advances,
        poll_delay=0.1,
        max_tries=1000,  # a look that is repeated does no harm; one given up waits for the sweep
        health_check_key=HEALTH_KEY,
        health_check_interval=HEALTH_SECONDS,
        job_serializer=to_json,
        job_deserializer=orjson.loads,
        log_results=False,
    )


async def _close(worker: Worker, running: asyncio.Task[None], outage: _Outage) -> None:
    """Stop a worker that still runs, or learn why it stopped by itself."""
    worker.allow_pick_jobs = False
    if looking := list(worker.tasks.values()):  # cancelled in the middle, they would be repeated
        await asyncio.wait(looking, timeout=STOP_SECONDS)
    with contextlib.suppress(RedisError, OSError):
        await worker.close()
    running.cancel()
    try:
        await running
    except asyncio.CancelledError:
        pass
    except (RedisError, OSError) as error:
        outage.met(error)


async def _sweep(backends: Backends, stop: asyncio.Event) -> None:
    seconds = backends.settings.worker_config.sweep_seconds
    outage = _Outage("the sweep for abandoned runs has to wait", "the sweep goes on")
    forget_at = monotonic()
    while not stop.is_set():
        try:
            await expire_due(backends)
            if monotonic() >= forget_at:
                await forget_old(backends)
                forget_at = monotonic() + _DAY
            for run_id, token in await abandoned(backends.database, seconds):
                await backends.queue.wake(run_id, token)
                log.info("run %s was left alone; a worker is woken for it", run_id)
            outage.over()
        except UnavailableError as error:
            outage.met(error)
        except Exception:
            log.exception("the sweep failed; it goes on")
        await happens(stop, seconds)


async def _fire(backends: Backends, stop: asyncio.Event) -> None:
    """Beside the sweep: a log that is slow or away holds up no run that goes on."""
    outage = _Outage("schedules have to wait", "schedules go on")
    while not stop.is_set():
        try:
            await fire_due(backends)
            outage.over()
        except UnavailableError as error:
            outage.met(error)
        except Exception:
            log.exception("looking for schedules that are due failed; it goes on")
        await happens(stop, backends.settings.worker_config.sweep_seconds)


async def _track(backends: Backends, stop: asyncio.Event) -> None:
    """Beside the runs: a tracking server that is slow or away holds up none of them."""
    outage = _Outage("tracking has to wait", "tracking goes on")
    while backends.tracker is not None:
        try:
            await track_due(backends)
            outage.over()
        except UnavailableError as error:
            outage.met(error)
        except Exception:
            log.exception("tracking failed; it goes on")
        if stop.is_set():  # only now: what ended last is tracked, too
            return
        await happens(stop, backends.settings.worker_config.sweep_seconds)
