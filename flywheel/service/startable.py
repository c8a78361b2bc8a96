"""What has to hold before a run can be started: records, candidates, what its type needs."""

from flywheel.decisions.policy import PolicyDocument
from flywheel.errors import InvalidInputError
from flywheel.ports.backends import Backends
from flywheel.ports.platform import CandidateSpec
from flywheel.runs.needs import check_needs
from flywheel.runs.sweep import Trials, plan_trials
from flywheel.service.naming import check_logged, nearest
from flywheel.service.policies import policy_in_force
from flywheel.settings import RunConfig
from flywheel.settings.run_config import merge_run_config
from flywheel.views import RunRequest


async def chosen_candidates(
    backends: Backends, request: RunRequest
) -> tuple[list[CandidateSpec], Trials]:
    """The candidates that such a run would try, and their trials. Raises like `start_run`."""
    await check_logged(backends, request.workload_id, request.client_id)
    overrides = request.overrides()
    config = merge_run_config(backends.settings, overrides)
    candidates = offered_candidates(backends, config)
    return candidates, await plan_trials(backends.settings, overrides, config, candidates)


async def check_startable(backends: Backends, request: RunRequest) -> None:
    """Raises like `start_run` where such a run could not be started now."""
    await chosen_candidates(backends, request)
    config = merge_run_config(backends.settings, request.overrides())
    require_needs(backends, config, await policy_in_force(backends))


def require_needs(backends: Backends, config: RunConfig, policy: PolicyDocument) -> None:
    """Raises SettingsError where the workload type needs what the settings do not give it."""
    if config.evaluation_config.workload_type != "auto":  # else once its records are read
        check_needs(
            config.evaluation_config.workload_type,
            policy.parsed(),
            config.evaluation_config,
            backends.settings.llm_judge_config,
            deploys_judge=backends.platform.own_judge() is not None,
        )


def offered_candidates(backends: Backends, config: RunConfig) -> list[CandidateSpec]:
    """The candidates that the run names. Raises InvalidInputError for one that there is not."""
    there = {candidate.name: candidate for candidate in backends.platform.candidates()}
    for name in config.candidates:
        if name not in there:
            raise InvalidInputError(
                f"There is no candidate '{name}' on the platform '{backends.platform.name}'.",
                f"{nearest(name, there)}It has: {', '.join(there)}.",
            )
    return [there[name] for name in dict.fromkeys(config.candidates)]
