"""What the reader may ask: typed, read-only."""

from datetime import datetime
from typing import Protocol

from pydantic import BaseModel, Field

from flywheel.decisions.comparison import Comparison
from flywheel.evaluation.paired import Difference
from flywheel.ports.logs import WorkloadSummary
from flywheel.views import PromotionView, RunView


class Facts(Protocol):
    """Where answers come from; the services implement it."""

    async def runs(self, workload_id: str | None = None) -> list[RunView]:
        """The recent runs (of one workload), newest first."""
        ...

    async def run(self, ref: str) -> RunView | None:
        """The run that `ref` ('r-12') names, or None where there is none."""
        ...

    async def incumbents(self) -> list[PromotionView]:
        """The promotion in force of each workload that has one."""
        ...

    async def workloads(self) -> list[WorkloadSummary]:
        """What the log holds, per workload and client."""
        ...

    async def paired(self, run: RunView, one: str, other: str) -> Difference | None:
        """One minus the other on the run's records; None where the answers are not comparable."""
        ...


class Disagreement(BaseModel):
    """A record on which a candidate and the teacher said different things. Untrusted text."""

    text: str = Field(description="Of the last user message, shortened")
    teacher: str
    candidate: str


class Decided(BaseModel):
    """A decision on a promotion, or the refusal of one."""

    at: datetime
    actor: str
    action: str


class Evidence(Facts, Protocol):
    """What a language model may ask beyond that; only of runs that `run` gives."""

    async def comparison(self, older: RunView, newer: RunView) -> Comparison:
        """Two completed runs of a workload. Raises FlywheelError where they cannot be compared."""
        ...

    async def disagreements(
        self, run: RunView, model: str, label: str | None, most: int
    ) -> list[Disagreement]:
        """Some records, the same ones each time. Raises FlywheelError where there are none."""
        ...

    async def policy(self, run: RunView | None) -> list[str]:
        """What the policy of the run (else the one in force) asks, a sentence each."""
        ...

    async def decisions(self, workload_id: str) -> list[Decided]:
        """The last decisions and refusals on a workload, the oldest first."""
        ...

    async def receipt(self, run: RunView) -> str:
        """sha256 of the run's signed receipt, hex. Raises NotFoundError where there is none."""
        ...
