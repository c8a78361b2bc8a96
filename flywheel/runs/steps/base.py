"""The shape of a step."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.db.models import Run, Step
from flywheel.ports.backends import Backends
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
