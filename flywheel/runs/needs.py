"""What a type of workload asks of a run, checked before anything is trained."""

from flywheel.decisions.policy import Policy
from flywheel.errors import SettingsError
from flywheel.evaluation.judge import JudgeTask
from flywheel.settings import EvaluationConfig
from flywheel.settings.endpoints import JudgeConfig


def judge_task(workload_type: str, evaluation: EvaluationConfig) -> JudgeTask | None:
    """What a judge is asked of the answers; None where none is asked."""
    if workload_type == "generic":
        return "similarity"
    by_judge = evaluation.tool_eval_type == "tool-calling-judge"
    return "tool-calling" if workload_type == "tool_calling" and by_judge else None


def check_needs(
    workload_type: str,
    policy: Policy | None,
    evaluation: EvaluationConfig,
    judge: JudgeConfig,
    *,
    deploys_judge: bool,
) -> None:
    """Raises SettingsError where the policy asks for another score, or a judge is missing.

    `deploys_judge` says whether the platform deploys the one that is set.
    """
    if policy is not None:
        policy.check_fits(workload_type)
    task = judge_task(workload_type, evaluation)
    if task is None or deploys_judge:
        return
    what = {
        "similarity": f"The answers of a {workload_type} workload are scored by a judge",
        "tool-calling": "evaluation_config.tool_eval_type asks for a judge",
    }[task]
    if judge.deployment_type == "local" and judge.model_name:
        raise SettingsError(
            f"{what}, and a local judge needs the platform nemo, which deploys it.",
            "Set platform to nemo, or llm_judge_config.deployment_type to remote with a url.",
        )
    if not judge.url or not judge.model_name:
        raise SettingsError(
            f"{what}, and llm_judge_config names none.",
            "Set llm_judge_config.url and llm_judge_config.model_name.",
        )
