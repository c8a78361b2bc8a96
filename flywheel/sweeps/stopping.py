"""When a training is hopeless. Pure.

The median stopping rule (Golovin et al., Google Vizier, KDD 2017): a trial is stopped where its
best validation loss so far is above the median of what the others had at the same point.
"""

from collections.abc import Sequence
from statistics import median

from flywheel.ports.platform import ValidationPoint

OTHERS = 3  # with fewer that have come so far, a median says little


def hopeless(
    own: Sequence[ValidationPoint], others: Sequence[Sequence[ValidationPoint]], grace: float
) -> str | None:
    """Why the trial should be stopped, in words; None where it may go on.

    `others` are the curves of the candidate's other trials, whether they go on or have ended;
    `grace` the percent of its training that every trial is given.
    """
    if not own or own[-1].percent < grace:
        return None
    at = own[-1].percent
    rivals = [_best(curve, at) for curve in others if curve and curve[-1].percent >= at]
    if len(rivals) < OTHERS:
        return None
    best, middle = _best(own, at), median(rivals)
    if best <= middle:
        return None
    return (
        f"stopped at {at:.0f} %: validation loss {best:.4g}, where the median of "
        f"{len(rivals)} others was {middle:.4g}"
    )


def _best(curve: Sequence[ValidationPoint], percent: float) -> float:
    """The lowest loss up to there, or the first where there is none so early."""
    return min((p.loss for p in curve if p.percent <= percent), default=curve[0].loss)
