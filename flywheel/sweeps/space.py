"""Which combinations of hyper-parameters a sweep tries. Pure."""

import math
from collections.abc import Collection, Mapping, Sequence

from flywheel.errors import SettingsError
from flywheel.formatting import count
from flywheel.settings.sweep import SweepConfig, SweepRange, Value

_SPARE = 4
Parameters = dict[str, Value]  # by the setting of a run, e.g. 'training_config.learning_rate'


def combinations(
    parameters: Mapping[str, list[Value] | SweepRange],
    config: SweepConfig,
    seed: int,
    whole: Collection[str],
) -> list[Parameters]:
    """What is tried of these parameters, each combination once, in a reproducible order.

    A grid is every combination; a random search draws `budget` of them, without putting back,
    from lists and evenly from ranges (Bergstra and Bengio, Random search for hyper-parameter
    optimization, JMLR 13, 2012). `whole` are the parameters that are whole numbers. Raises
    SettingsError where a grid is larger than the budget.
    """
    from scipy.stats import loguniform, uniform  # slow to import
    from sklearn.model_selection import ParameterGrid, ParameterSampler

    if config.search == "grid":
        grid = ParameterGrid({name: list(values) for name, values in parameters.items()})
        if len(grid) > config.budget:
            raise SettingsError(
                f"The grid has {count(len(grid))} combinations, and sweep_config.budget is "
                f"{count(config.budget)}.",
                "Raise the budget, leave out values, or draw from it with search: random.",
            )
        return _distinct(list(grid))
    spaces = {
        name: values
        if not isinstance(values, SweepRange)
        else loguniform(values.low, values.high)
        if values.scale == "log"
        else uniform(values.low, values.high - values.low)
        for name, values in parameters.items()
    }
    endless = any(isinstance(values, SweepRange) for values in parameters.values())
    size = math.prod(len(values) for values in parameters.values() if isinstance(values, list))
    # Rounding may make two alike, so more are drawn than are tried.
    draws = _SPARE * config.budget if endless else size
    drawn = ParameterSampler(spaces, draws, random_state=seed)
    plain = [{name: _plain(value, name in whole) for name, value in one.items()} for one in drawn]
    return _distinct(plain)[: config.budget]


def in_words(parameters: Parameters) -> str:
    """The last part of every name with its value: 'learning_rate 0.0003, adapter_dim 16'."""
    return ", ".join(
        f"{name.rpartition('.')[2]} {_short(value)}" for name, value in sorted(parameters.items())
    )


def _plain(value: Value, whole: bool) -> Value:
    """A value of numpy's as Python's; drawn numbers get three digits, which are enough."""
    if isinstance(value, bool | str):
        return value
    if whole:
        return max(1, round(value))
    return value if isinstance(value, int) else float(f"{float(value):.3g}")


def _short(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _distinct(found: Sequence[Parameters]) -> list[Parameters]:
    """Each once, in the same order."""
    return [one for place, one in enumerate(found) if one not in found[:place]]
