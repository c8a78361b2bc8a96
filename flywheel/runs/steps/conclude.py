"""The end of a run: the rule is applied, and the outcome put into words."""

from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.datasets.report import DatasetReport
from flywheel.db.models import Run, Step
from flywheel.decisions.rule import recommend
from flywheel.decisions.verdict import Recommendation
from flywheel.evaluation.cost import cost_per_1000
from flywheel.insights.summary import summarise
from flywheel.ports.backends import Backends
from flywheel.runs.present import present
from flywheel.runs.state import RunState
from flywheel.runs.steps.base import Apply, InstantStep, Outcome


class Decide(InstantStep):
    """The written rule, applied to the scores of every customized candidate."""

    async def poll(self, backends: Backends, state: RunState, step: Step) -> Outcome:  # noqa: ARG002
        """The recommendation; skipped where no candidate has been scored."""
        scored = [
            (candidate.name, scores)
            for candidate in state.candidates
            if (scores := state.scores(candidate.name, "customized-eval")) is not None
        ]
        if not scored:
            return Outcome("skipped", message="no candidate could be scored")
        teacher = DatasetReport.model_validate(state.run.dataset_report).teacher
        recommendation = recommend(
            scored,
            cost_per_1000(state.config.prices, teacher),
            state.config.decision_config,
            state.config.prices.currency,
        )
        return Outcome("completed", 100.0, recommendation.verdict, apply=_store(recommendation))


class Summarise(InstantStep):
    """The outcome in words."""

    async def poll(self, backends: Backends, state: RunState, step: Step) -> Outcome:  # noqa: ARG002
        """At most 120 words."""
        # When people read it, the run is complete.
        text = summarise(present(state).model_copy(update={"status": "completed"}))

        async def apply(session: AsyncSession, run: Run) -> None:  # noqa: ARG001
            run.summary = text

        return Outcome("completed", 100.0, apply=apply)


def _store(recommendation: Recommendation) -> Apply:
    async def apply(session: AsyncSession, run: Run) -> None:  # noqa: ARG001
        run.recommendation = recommendation.model_dump(mode="json")

    return apply
