"""What a question is answered from, looked up once, and the same as others would see it."""

from typing import TypeVar

from flywheel.evaluation.paired import Difference
from flywheel.insights.facts import Facts
from flywheel.ports.backends import Backends
from flywheel.ports.logs import WorkloadSummary
from flywheel.service.evidence import ServiceEvidence
from flywheel.views import PromotionView, RunView

Of = TypeVar("Of", RunView, PromotionView, WorkloadSummary)  # a workload


class Remembered(ServiceEvidence):
    """The services' answers for one question, each of them asked for once."""

    def __init__(self, backends: Backends) -> None:
        super().__init__(backends)
        self._runs: dict[str | None, list[RunView]] = {}
        self._named: dict[str, RunView | None] = {}
        self._paired: dict[tuple[str, str, str], Difference | None] = {}
        self._incumbents: list[PromotionView] | None = None
        self._workloads: list[WorkloadSummary] | None = None

    async def runs(self, workload_id: str | None = None) -> list[RunView]:
        if workload_id not in self._runs:
            self._runs[workload_id] = await super().runs(workload_id)
        return self._runs[workload_id]

    async def run(self, ref: str) -> RunView | None:
        if ref not in self._named:
            seen = (run for runs in self._runs.values() for run in runs if run.id == ref)
            self._named[ref] = next(seen, None) or await super().run(ref)
        return self._named[ref]

    async def paired(self, run: RunView, one: str, other: str) -> Difference | None:
        key = run.id, one, other
        if key not in self._paired:
            self._paired[key] = await super().paired(run, one, other)
        return self._paired[key]

    async def incumbents(self) -> list[PromotionView]:
        if self._incumbents is None:
            self._incumbents = await super().incumbents()
        return self._incumbents

    async def workloads(self) -> list[WorkloadSummary]:
        if self._workloads is None:
            self._workloads = await super().workloads()
        return self._workloads


class Without:
    """The same facts as if some workloads were not there."""

    def __init__(self, facts: Facts, hidden: frozenset[str]) -> None:
        self._facts, self._hidden = facts, hidden

    async def runs(self, workload_id: str | None = None) -> list[RunView]:
        return self._seen(await self._facts.runs(workload_id))

    async def run(self, ref: str) -> RunView | None:
        found = await self._facts.run(ref)
        return None if found is None or found.workload_id in self._hidden else found

    async def incumbents(self) -> list[PromotionView]:
        return self._seen(await self._facts.incumbents())

    async def workloads(self) -> list[WorkloadSummary]:
        return self._seen(await self._facts.workloads())

    async def paired(self, run: RunView, one: str, other: str) -> Difference | None:
        return await self._facts.paired(run, one, other)

    def _seen(self, found: list[Of]) -> list[Of]:
        return [one for one in found if one.workload_id not in self._hidden]
