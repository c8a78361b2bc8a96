"""The end of a worker that lets the steps that run end first."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlmodel import col, select

from flywheel.db.engine import Database
from flywheel.db.models import Run, Step
from flywheel.errors import UnavailableError
from flywheel.runs.graph import ACTIVE_RUN
from flywheel.runs.state import run_ref

log = logging.getLogger(__name__)


class Drain:
    """Once it is `asked` for, no step is started; `over` when those that ran then have ended.

    Steps that another worker starts afterwards are not waited for.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self.asked = asyncio.Event()
        self._say = say
        self._looks: set[asyncio.Task[object]] = set()

    def may_start(self) -> bool:
        """Whether steps may be started."""
        return not self.asked.is_set()

    @contextmanager
    def look(self) -> Iterator[None]:
        """A look at a run, which may be starting a step while draining is asked for."""
        task = asyncio.current_task()
        assert task is not None
        self._looks.add(task)
        try:
            yield
        finally:
            self._looks.discard(task)

    async def over(self, database: Database, poll_seconds: float) -> None:
        """Return when it has been asked for, and every step that ran then has ended."""
        await self.asked.wait()
        if self._looks:
            await asyncio.wait(set(self._looks))
        awaited: dict[int, str] | None = None
        while True:
            try:
                running = await _running(database)
            except UnavailableError as error:
                log.warning("it is not known which steps run: %s", error)
            else:
                if awaited is None:
                    awaited = running
                    for what in awaited.values():
                        self._say(f"Waiting for {what} to end.")
                for step in awaited.keys() - running.keys():
                    self._say(f"Ended: {awaited.pop(step)}.")
                if not awaited:
                    self._say("No step is left to wait for.")
                    return
            await asyncio.sleep(poll_seconds)


async def _running(database: Database) -> dict[int, str]:
    """The steps that run, whoever started them, in words."""
    query = (
        select(Step, Run.workload_id)
        .join(Run, col(Run.id) == col(Step.run_id))
        .where(col(Run.status).in_(ACTIVE_RUN), Step.status == "running")
        .order_by(col(Step.id))
    )
    async with database.transaction() as session:
        return {
            step.id or 0: _named(step, workload) for step, workload in await session.exec(query)
        }


def _named(step: Step, workload: str) -> str:
    model = f" of {step.candidate}" if step.candidate else ""
    return f"{step.kind}{model} in {run_ref(step.run_id)} ({workload})"
