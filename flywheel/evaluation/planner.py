"""How many evaluation records a decision needs."""

from math import ceil, sqrt
from statistics import NormalDist

import numpy as np

from flywheel.evaluation.paired import Difference
from flywheel.evaluation.resampling import smoothing

_NORMAL = NormalDist()  # scipy has the same, and takes half a second to import
_ROUNDING = 1e-6
_NEAR = 0.1  # of the margin: closer to it no number of records that anybody has would decide


def records_needed(
    margin: float,
    discordance: float,
    confidence: float,
    power: float,
    difference: float = 0.0,
    classes: int = 0,
) -> int:
    """Records that show with `power` that a candidate is not worse than the reference by `margin`.

    For accuracies of two models on the same records that disagree about who is right on the share
    `discordance`, and truly differ by `difference` (candidate minus reference), at the one-sided
    level (1 - confidence) / 2: the lower bound of the two-sided interval. Normal approximation
    (Connor, Biometrics 43, 1987; Lachin, Biostatistical Methods, 2011, section 5.2). With
    `classes` of about the same size the smoothing of our interval is reckoned with, which widens
    it where classes have few records (see `resampling`).
    """
    spread = discordance - difference**2
    z = _NORMAL.inv_cdf((1 + confidence) / 2) + _NORMAL.inv_cdf(power)
    n = ceil(z**2 * spread / (margin + difference) ** 2)
    while power_of(n, margin, discordance, confidence, difference, classes) < power - _ROUNDING:
        n += 1
    return n


def power_of(
    n: int,
    margin: float,
    discordance: float,
    confidence: float,
    difference: float = 0.0,
    classes: int = 0,
) -> float:
    """The probability that `n` records show it; see `records_needed`."""
    error = sqrt((discordance - difference**2) / n)
    # Each class brings this weight of records on which one model alone is right, and as much of
    # others: the interval is as wide as for that discordance.
    added = classes * float(smoothing(np.array([n / classes]))[0]) if classes else 0.0
    smoothed = (n * discordance + added) / (n + 2 * added)
    width = _NORMAL.inv_cdf((1 + confidence) / 2) * sqrt((smoothed - difference**2) / n)
    return _NORMAL.cdf((margin + difference - width) / error)


def more_needed(difference: Difference, margin: float, confidence: float) -> int | None:
    """Records in all with which a difference like the one seen would be decided.

    The interval shrinks with the square root of their number. None where the difference is so
    near to the margin that no number would do.
    """
    gap = difference.value + margin
    if abs(gap) < _NEAR * margin:
        return None
    z = _NORMAL.inv_cdf((1 + confidence) / 2) / _NORMAL.inv_cdf((1 + difference.confidence) / 2)
    # The side that has to clear the margin.
    width = difference.value - difference.low if gap > 0 else difference.high - difference.value
    return max(difference.n + 1, ceil(difference.n * (z * width / gap) ** 2 - _ROUNDING))
