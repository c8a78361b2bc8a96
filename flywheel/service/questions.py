"""Questions in plain words, answered from what the other services return."""

from collections.abc import Sequence

from flywheel.errors import NotFoundError
from flywheel.insights import reader
from flywheel.ports.backends import Backends
from flywheel.ports.logs import WorkloadSummary
from flywheel.service import promotions, runs
from flywheel.views import Answer, PromotionView, RunView

RECENT_RUNS = 50


class _Facts:
    """The reader's typed queries, answered by the services."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends

    async def runs(self, workload_id: str | None = None) -> list[RunView]:
        return await runs.list_runs(self._backends, workload_id, RECENT_RUNS)

    async def run(self, ref: str) -> RunView | None:
        try:
            return await runs.get_run(self._backends, ref)
        except NotFoundError:
            return None

    async def incumbents(self) -> list[PromotionView]:
        return await promotions.incumbents(self._backends)

    async def workloads(self) -> list[WorkloadSummary]:
        return await self._backends.logs.workloads()


async def ask(
    backends: Backends, question: str, focus_run: str | None = None, before: Sequence[str] = ()
) -> Answer:
    """Answer a question about runs.

    `focus_run` is the one that the conversation is about, `before` its earlier questions.
    """
    return await reader.answer(question, _Facts(backends), focus_run, before)
