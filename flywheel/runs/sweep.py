"""The trials of a run, worked out before it is created."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from flywheel.errors import SettingsError
from flywheel.ports.platform import CandidateSpec
from flywheel.settings import RunConfig, Settings, SweepConfig, merge_run_config
from flywheel.settings.run_config import setting_named, whole_numbers
from flywheel.sweeps.space import Parameters, combinations

Trials = dict[str, list[Parameters]]  # by candidate; one without any is trained once


async def plan_trials(
    settings: Settings,
    overrides: Mapping[str, Any],
    config: RunConfig,
    candidates: Sequence[CandidateSpec],
) -> Trials:
    """What is tried of each candidate. Nothing where the run has no sweep.

    `overrides` are those that `config` was made with. Raises SettingsError for a parameter or a
    value that cannot be, a grid that is too large, and where there is nothing to compare on.
    """
    if config.sweep_config.search == "none":
        return {}
    return await asyncio.to_thread(_plan, settings, overrides, config, candidates)


def _plan(
    settings: Settings,
    overrides: Mapping[str, Any],
    config: RunConfig,
    candidates: Sequence[CandidateSpec],
) -> Trials:
    sweep, seed = config.sweep_config, config.data_split_config.random_seed
    assert seed is not None  # merge_run_config draws one where none is configured
    if not config.data_split_config.val_ratio:
        raise SettingsError(
            "A sweep is compared on the validation set, and data_split_config.val_ratio is 0.",
            "Set it above 0, or sweep_config.search to none.",
        )
    parameters = {setting_named(name): values for name, values in sweep.parameters.items()}
    tuned = [candidate for candidate in candidates if candidate.customizable]
    for name in parameters:
        if not any(name in candidate.parameters for candidate in tuned):
            known = sorted({p for candidate in tuned for p in candidate.parameters})
            raise SettingsError(
                f"No candidate of this run has the hyper-parameter {name}.",
                f"They have: {', '.join(known)}." if known else "",
            )
    trials = {
        candidate.name: _trials(candidate, parameters, sweep, seed)
        for candidate in tuned
        if candidate.parameters & parameters.keys()
    }
    checked: list[Parameters] = []
    for one in (one for found in trials.values() for one in found):
        if one not in checked:
            merge_run_config(settings, {**overrides, **one})  # says what a value may be
            checked.append(one)
    return trials


def _trials(
    candidate: CandidateSpec, parameters: Mapping[str, Any], sweep: SweepConfig, seed: int
) -> list[Parameters]:
    own = {name: values for name, values in parameters.items() if name in candidate.parameters}
    return combinations(own, sweep, seed, whole_numbers(own))
