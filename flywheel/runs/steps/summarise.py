"""The outcome of a run, in words."""

from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.db.models import Run, Step
from flywheel.insights.summary import summarise
from flywheel.ports.backends import Backends
from flywheel.runs.present import present
from flywheel.runs.state import RunState
from flywheel.runs.steps.base import InstantStep, Outcome


class Summarise(InstantStep):
    """The outcome in words."""

    async def poll(self, backends: Backends, state: RunState, step: Step) -> Outcome:  # noqa: ARG002
        """At most 120 words."""
        # When people read it, the run is complete.
        text = summarise(present(state).model_copy(update={"status": "completed"}))

        async def apply(session: AsyncSession, run: Run) -> None:  # noqa: ARG001
            run.summary = text

        return Outcome("completed", 100.0, apply=apply)
