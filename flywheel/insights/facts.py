"""What the reader may ask: typed, read-only."""

from typing import Protocol

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
