"""The shape of a step."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.datasets.report import DatasetReport
from flywheel.db.models import Candidate, Run, Step
from flywheel.errors import InvalidInputError
from flywheel.ports.backends import Backends
from flywheel.ports.platform import ModelArtifact
from flywheel.runs.state import RunState
from flywheel.views import EventKind, StepStatus

Apply = Callable[[AsyncSession, Run], Awaitable[None]]


@dataclass
class Outcome:
    """How a step stands, and what follows from it in the same transaction."""

    state: StepStatus
    percent: float = 0.0
    message: str = ""
    error: str | None = None
    apply: Apply | None = None
    events: list[tuple[EventKind, str]] = field(default_factory=list)


class StepHandler(Protocol):
    """One kind of step. Every method may be called again after a crash."""

    async def start(self, backends: Backends, state: RunState, step: Step) -> None:
        """Start the step outside under its stored name; again is the same as once."""
        ...

    async def poll(self, backends: Backends, state: RunState, step: Step) -> Outcome:
        """How it stands."""
        ...

    async def cancel(self, backends: Backends, state: RunState, step: Step) -> bool:
        """Stop it outside; True once nothing of it runs."""
        ...


class InstantStep:
    """A step that is done within its first poll: nothing runs outside."""

    async def start(self, backends: Backends, state: RunState, step: Step) -> None:
        """Nothing to start."""

    async def cancel(self, backends: Backends, state: RunState, step: Step) -> bool:  # noqa: ARG002
        """Nothing runs."""
        return True


def require_fit(backends: Backends, state: RunState, name: str) -> None:
    """Refuse to start a candidate on a workload that it cannot answer. Raises InvalidInputError.

    The run's other candidates go on.
    """
    asked = state.run.dataset_report and DatasetReport.model_validate(state.run.dataset_report)
    spec = next((c for c in backends.platform.candidates() if c.name == name), None)
    if spec is None or not asked or asked.workload_type in spec.workload_types:
        return
    answers = " and ".join(sorted(spec.workload_types))
    raise InvalidInputError(
        f"{name} cannot answer {state.run.workload_id}, a {asked.workload_type} workload: "
        f"it answers {answers}."
    )


async def keep_artifact(
    session: AsyncSession, run: Run, name: str, artifact: ModelArtifact
) -> None:
    """Store on the candidate what its fine-tuning, or being asked with examples, left."""
    query = select(Candidate).where(Candidate.run_id == run.id, Candidate.name == name)
    (await session.exec(query)).one().artifact = artifact.model_dump(mode="json")
