"""The policy, applied to what a run has measured."""

import asyncio
from decimal import Decimal

from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.datasets.report import DatasetReport
from flywheel.db.models import Run, Step
from flywheel.decisions.answered import Answered
from flywheel.decisions.answered import difference as answers_difference
from flywheel.decisions.clauses import Measured, ReferenceModel
from flywheel.decisions.policy import PACKAGED, Policy, PolicyDocument, policy_document
from flywheel.decisions.regression import Regression, comparable, compare_paired, compare_unpaired
from flywheel.decisions.rule import headline, recommend
from flywheel.decisions.verdict import Recommendation
from flywheel.errors import DataError
from flywheel.evaluation.cost import cost_per_1000
from flywheel.evaluation.headline import Metric
from flywheel.evaluation.paired import mcnemar
from flywheel.evaluation.scores import Scores
from flywheel.ports.backends import Backends
from flywheel.resources import resource_text
from flywheel.runs.answers import load_answers
from flywheel.runs.history import final_evaluation, run_before
from flywheel.runs.state import RunState, run_ref
from flywheel.runs.steps.base import Apply, InstantStep, Outcome

INCUMBENT = ("", "incumbent-eval")  # candidate and type of the incumbent's evaluation


class Decide(InstantStep):
    """The verdict on every customized candidate, and what changed since the models before."""

    async def poll(self, backends: Backends, state: RunState, step: Step) -> Outcome:  # noqa: ARG002
        """The recommendation; skipped where no candidate has been scored."""
        scored = {
            candidate.name: scores
            for candidate in state.candidates
            if (scores := state.final_scores(candidate.name)) is not None
            and scores.headline is not None
        }
        if not scored:
            return Outcome("skipped", message="no candidate could be scored")
        document = await _policy(state)
        policy = document.parsed()
        metric = policy.metric_of(next(iter(scored.values())).workload_type)
        incumbent_scores = _incumbent_scores(state, metric)
        _check_one_judge([*scored.values(), *filter(None, [incumbent_scores])], metric)
        opponent = (
            None
            if incumbent_scores is None
            else await load_answers(backends, state.run.id, *INCUMBENT, metric)
        )
        reference = _reference(state, policy, incumbent_scores)
        measured = []
        for name, scores in scored.items():  # one at a time: each holds an answer per record
            final_eval = state.candidate(name).final_eval
            answers = await load_answers(backends, state.run.id, name, final_eval, metric)
            measured.append(
                await asyncio.to_thread(
                    _measure, state, policy, metric, name, scores, answers, opponent
                )
            )
        recommendation = await asyncio.to_thread(  # statsmodels is slow to import
            recommend,
            measured,
            reference,
            document,
            _teacher_cost(state),
            state.config.prices.currency,
        )
        recommendation.regressions = [
            found
            for found in (
                await _against_incumbent(backends, state, policy, metric, recommendation, opponent),
                await _against_run_before(backends, state, policy, metric, recommendation),
            )
            if found is not None
        ]
        return Outcome("completed", 100.0, recommendation.verdict, apply=_store(recommendation))


async def _policy(state: RunState) -> PolicyDocument:
    if state.run.policy is not None:
        return PolicyDocument.model_validate(state.run.policy)
    # The run was started by a version that had no policies.
    return policy_document(await asyncio.to_thread(resource_text, PACKAGED), PACKAGED)


def _incumbent_scores(state: RunState, metric: Metric) -> Scores | None:
    """Those of the model that serves now, where the run has what the policy goes by."""
    scores = None if state.incumbent() is None else state.scores(*INCUMBENT)
    return None if scores is None or scores.of(metric) is None else scores


def _check_one_judge(scored: list[Scores], metric: Metric) -> None:
    """Scores by two judges, or under two prompts, say nothing of the models."""
    judges = {(s.judge.model, s.judge.prompt_digest) for s in scored if s.judge is not None}
    if metric == "similarity" and len(judges) > 1:
        raise DataError(
            "The models of this run were judged by different judges or prompts, so they cannot "
            "be compared.",
            "Start the run again; leave llm_judge_config as it is while it runs.",
        )


def _reference(state: RunState, policy: Policy, scores: Scores | None) -> ReferenceModel:
    """What the candidates are compared with. Raises DataError where it has no scores."""
    incumbent = state.incumbent()
    if policy.reference == "teacher" or incumbent is None:
        return ReferenceModel("the teacher", _teacher_cost(state))
    if scores is None:
        raise DataError(
            f"The policy compares with {incumbent.name}, which could not be scored.",
            "See why with `flywheel show`, or compare with the teacher (policy: reference).",
        )
    return ReferenceModel(incumbent.name, scores.cost_per_1000)


def _teacher_cost(state: RunState) -> Decimal | None:
    teacher = DatasetReport.model_validate(state.run.dataset_report).teacher
    return cost_per_1000(state.config.prices, teacher)


def _measure(
    state: RunState,
    policy: Policy,
    metric: Metric,
    name: str,
    scores: Scores,
    answers: Answered,
    opponent: Answered | None,
) -> Measured:
    """The candidate against the reference, and against the incumbent's right answers."""
    by_incumbent = policy.reference == "incumbent" and opponent is not None
    difference = answers_difference(
        answers,
        opponent if by_incumbent and opponent else answers.teacher(),
        metric,
        margin=policy.margin,
        resamples=state.config.evaluation_config.bootstrap_resamples,
        confidence=policy.confidence,
        seed=state.run.seed,
    )
    # Against the teacher, whose answers are the labels, only one side can ever be right.
    test = None
    if opponent is not None and metric != "similarity":
        test = mcnemar(answers.expected, answers.labels, opponent.labels)
    return Measured(name, scores, difference, test)


async def _against_incumbent(
    backends: Backends,
    state: RunState,
    policy: Policy,
    metric: Metric,
    said: Recommendation,
    opponent: Answered | None,
) -> Regression | None:
    incumbent, scores = state.incumbent(), _incumbent_scores(state, metric)
    name = said.model_name
    after = None if name is None else state.final_scores(name)
    if name is None or incumbent is None or opponent is None or scores is None or after is None:
        return None
    answers = await load_answers(
        backends, state.run.id, name, state.candidate(name).final_eval, metric
    )
    return await asyncio.to_thread(
        compare_paired,
        incumbent.name,
        answers,
        opponent,
        (headline(after, policy), headline(scores, policy)),
        metric,
        state.config.evaluation_config.bootstrap_resamples,
        policy.confidence,
        state.run.seed,
    )


async def _against_run_before(
    backends: Backends, state: RunState, policy: Policy, metric: Metric, said: Recommendation
) -> Regression | None:
    """Against the model that the last completed run of the same traffic named."""
    named, run = said.model_name, state.run
    after = None if named is None else state.final_scores(named)
    async with backends.database.transaction() as session:
        before = await run_before(session, run)
        if before is None or named is None or after is None:
            return None
        name = Recommendation.model_validate(before.recommendation).model_name or ""
        found = await final_evaluation(session, before, name)
    if found is None:
        return None
    scores, final_eval = found
    if not comparable(after, scores, metric):
        return None
    against, headlines = (
        f"{name} ({run_ref(before.id)})",
        (
            headline(after, policy),
            headline(scores, policy),
        ),
    )
    now = await load_answers(backends, run.id, named, state.candidate(named).final_eval, metric)
    then = await load_answers(backends, before.id, name, final_eval, metric)
    if set(now.records) != set(then.records):
        return compare_unpaired(against, after, scores, headlines)
    place = {record: row for row, record in enumerate(then.records)}
    then = then.at([place[record] for record in now.records])
    return await asyncio.to_thread(
        compare_paired,
        against,
        now,
        then,
        headlines,
        metric,
        state.config.evaluation_config.bootstrap_resamples,
        policy.confidence,
        run.seed,
    )


def _store(recommendation: Recommendation) -> Apply:
    async def apply(session: AsyncSession, run: Run) -> None:  # noqa: ARG001
        run.recommendation = recommendation.model_dump(mode="json")

    return apply
