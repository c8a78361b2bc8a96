"""What the evaluation size 'auto' is planned from: the policy, and what the last run saw."""

from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.datasets.report import DatasetReport
from flywheel.db.models import Run
from flywheel.decisions.policy import PolicyDocument
from flywheel.decisions.sizing import ASSUMED_DISCORDANCE, Discordance, SizePlan, plan_eval_size
from flywheel.decisions.verdict import Recommendation
from flywheel.ports.backends import Backends
from flywheel.runs.history import final_evaluation, run_before
from flywheel.runs.state import RunState, run_ref


async def size_plan(backends: Backends, state: RunState) -> SizePlan | None:
    """The plan; None where the run has a size."""
    config = state.config.data_split_config
    if config.eval_size != "auto" or state.run.policy is None:
        return None
    policy = PolicyDocument.model_validate(state.run.policy).parsed()
    incumbent = state.incumbent()
    against_teacher = policy.reference == "teacher" or incumbent is None
    reference = "the teacher" if incumbent is None or against_teacher else incumbent.name
    async with backends.database.transaction() as session:
        before = await run_before(session, state.run)
        seen = None if before is None else await _seen(session, before, against_teacher)
    if config.expected_discordance is not None:
        expected = Discordance(config.expected_discordance, "as configured")
    else:
        expected = seen or Discordance(ASSUMED_DISCORDANCE, "assumed, for lack of a run to go by")
    report = None if before is None else before.dataset_report
    return plan_eval_size(
        policy,
        reference,
        against_teacher,
        expected,
        config.power,
        len(state.candidates),
        0 if report is None else len(DatasetReport.model_validate(report).classes),
    )


async def _seen(session: AsyncSession, before: Run, against_teacher: bool) -> Discordance | None:
    """What the model that this run named has shown."""
    said = Recommendation.model_validate(before.recommendation)
    source = f"as {run_ref(before.id)} saw"
    found = await final_evaluation(session, before, said.model_name)
    scores = None if found is None else found[0]
    if not against_teacher:
        test = next((c.mcnemar for c in said.candidates if c.model_name == said.model_name), None)
        if test is None or scores is None:
            return None
        share = (test.only_candidate_right + test.only_reference_right) / scores.n
        return Discordance(share, source) if share else None
    if scores is None or scores.accuracy is None or scores.accuracy.value == 1:
        return None
    return Discordance(1 - scores.accuracy.value, source)
