"""What questions are answered from: the other services, as the asker may use them."""

import asyncio
from hashlib import sha256

from flywheel.decisions.answered import difference
from flywheel.decisions.comparison import Comparison
from flywheel.decisions.stated import asks_of_candidates, asks_of_people
from flywheel.errors import DataError, NotFoundError
from flywheel.evaluation.paired import Difference
from flywheel.insights.facts import Decided, Disagreement
from flywheel.ports.backends import Backends
from flywheel.ports.logs import WorkloadSummary
from flywheel.promotions.audit import entries
from flywheel.runs.answers import load_answers
from flywheel.runs.state import load_state
from flywheel.service import promotions, runs
from flywheel.service.comparing import compare_runs
from flywheel.service.naming import find
from flywheel.service.policies import policy_in_force
from flywheel.service.receipts import receipt_of
from flywheel.service.recent import recent_runs
from flywheel.service.review_material import disagreements_of
from flywheel.views import PromotionView, RunView

RECENT_RUNS = 50
_DECISIONS = 10
_SHORT = 300  # characters of a record


class ServiceEvidence:
    """Everything that may be asked, answered by the services."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends

    async def runs(self, workload_id: str | None = None) -> list[RunView]:
        return await recent_runs(self._backends, workload_id, RECENT_RUNS)

    async def run(self, ref: str) -> RunView | None:
        try:
            return await runs.get_run(self._backends, ref)
        except NotFoundError:
            return None

    async def incumbents(self) -> list[PromotionView]:
        return await promotions.incumbents(self._backends)

    async def workloads(self) -> list[WorkloadSummary]:
        return await self._backends.logs.workloads()

    async def paired(self, run: RunView, one: str, other: str) -> Difference | None:
        async with self._backends.database.reading() as session:
            state = await load_state(session, await find(session, run.id, self._backends.hidden))
        scores = state.final_scores(one), state.final_scores(other)
        if scores[0] is None or scores[1] is None or scores[0].metric != scores[1].metric:
            return None
        metric, config = scores[0].metric, state.config.evaluation_config
        first, second = [
            await load_answers(
                self._backends, state.run.id, name, state.candidate(name).final_eval, metric
            )
            for name in (one, other)
        ]
        if not first.records or first.records != second.records:
            return None
        try:
            return await asyncio.to_thread(
                difference,
                first,
                second,
                metric,
                margin=0.0,
                resamples=config.bootstrap_resamples,
                confidence=config.confidence,
                seed=state.run.seed,
            )
        except DataError:  # no record was judged for both
            return None

    async def comparison(self, older: RunView, newer: RunView) -> Comparison:
        return await compare_runs(self._backends, older.id, newer.id)

    async def disagreements(
        self, run: RunView, model: str, label: str | None, most: int
    ) -> list[Disagreement]:
        found = await disagreements_of(self._backends, run.id, model, label, most)
        return [
            Disagreement(text=text[:_SHORT], teacher=said[:_SHORT], candidate=other[:_SHORT])
            for text, said, other in found
        ]

    async def policy(self, run: RunView | None) -> list[str]:
        said = run.recommendation.policy if run and run.recommendation else None
        policy = (said or await policy_in_force(self._backends)).parsed()
        return [*asks_of_candidates(policy), *asks_of_people(policy.approval)]

    async def decisions(self, workload_id: str) -> list[Decided]:
        async with self._backends.database.reading() as session:
            found = await entries(session, workload_id, _DECISIONS, self._backends.hidden)
        return [Decided(at=one.at, actor=one.actor, action=one.action) for one in found]

    async def receipt(self, run: RunView) -> str:
        return sha256((await receipt_of(self._backends, run.id)).encode()).hexdigest()
