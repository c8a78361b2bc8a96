"""The outcome of a run, in words."""

from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.db.models import Run, Step
from flywheel.insights.voice import SUMMARY, voice_of
from flywheel.insights.worded_summary import worded_summary
from flywheel.ports.backends import Backends
from flywheel.runs.present import present
from flywheel.runs.state import RunState
from flywheel.runs.steps.base import InstantStep, Outcome


class Summarise(InstantStep):
    """The outcome in words."""

    async def poll(self, backends: Backends, state: RunState, step: Step) -> Outcome:  # noqa: ARG002
        """At most 120 words; a language model that is slow or wrong holds up nothing for long."""
        # When people read it, the run is complete.
        view = present(state).model_copy(update={"status": "completed"})
        text = await worded_summary(voice_of(backends, SUMMARY), view)

        async def apply(session: AsyncSession, run: Run) -> None:  # noqa: ARG001
            run.summary = text

        return Outcome("completed", 100.0, apply=apply)
