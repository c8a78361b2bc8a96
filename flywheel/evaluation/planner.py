"""How many evaluation records a decision needs."""

from math import ceil, sqrt

from pydantic import BaseModel, Field
from scipy.stats import norm

from flywheel.evaluation.paired import Difference
from flywheel.formatting import count, percent

_ROUNDING = 1e-6
_NEAR = 0.1  # of the margin: closer to it no number of records that anybody has would decide


class PlannedSize(BaseModel):
    """A size for the evaluation set, and why."""

    size: int
    power: float = Field(description="That this size has, under the assumptions")
    sentence: str


def records_needed(
    margin: float, discordance: float, confidence: float, power: float, difference: float = 0.0
) -> int:
    """Records that show with `power` that a candidate is not worse than the reference by `margin`.

    For accuracies of two models on the same records that disagree about who is right on the share
    `discordance`, and truly differ by `difference` (candidate minus reference), at the one-sided
    level (1 - confidence) / 2: the lower bound of the two-sided interval. Normal approximation
    (Connor, Biometrics 43, 1987; Lachin, Biostatistical Methods, 2011, section 5.2).
    """
    spread = discordance - difference**2
    z = float(norm.ppf((1 + confidence) / 2) + norm.ppf(power))
    return ceil(z**2 * spread / (margin + difference) ** 2)


def power_of(
    n: int, margin: float, discordance: float, confidence: float, difference: float = 0.0
) -> float:
    """The probability that `n` records show it; see `records_needed`."""
    error = sqrt((discordance - difference**2) / n)
    return float(norm.cdf((margin + difference) / error - norm.ppf((1 + confidence) / 2)))


def eval_size_for(
    available: int, margin: float, confidence: float, power: float, expected_discordance: float
) -> PlannedSize:
    """The size that margin and power need, at most half of the records that there are."""
    wanted = records_needed(margin, expected_discordance, confidence, power)
    size = max(1, min(wanted, available // 2))
    reached = power_of(size, margin, expected_discordance, confidence)
    assumed = f"if the two disagree on {percent(expected_discordance)} of the records"
    if size == wanted:
        sentence = (
            f"{count(size)} evaluation records show with {percent(power)} power that a model is "
            f"not worse by {margin:g}, {assumed}."
        )
    else:
        sentence = (
            f"{count(wanted)} evaluation records would be needed for a margin of {margin:g}, "
            f"{assumed}; half of the {count(available)} that there are, {count(size)}, decide with "
            f"{percent(round(reached, 2))} power."
        )
    return PlannedSize(size=size, power=reached, sentence=sentence)


def more_needed(difference: Difference, margin: float, confidence: float) -> int | None:
    """Records in all with which a difference like the one seen would be decided.

    The interval shrinks with the square root of their number. None where the difference is so
    near to the margin that no number would do.
    """
    gap = difference.value + margin
    if abs(gap) < _NEAR * margin:
        return None
    z = float(norm.ppf((1 + confidence) / 2) / norm.ppf((1 + difference.confidence) / 2))
    # The side that has to clear the margin.
    width = difference.value - difference.low if gap > 0 else difference.high - difference.value
    return max(difference.n + 1, ceil(difference.n * (z * width / gap) ** 2 - _ROUNDING))
