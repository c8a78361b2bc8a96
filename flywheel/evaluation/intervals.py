"""Confidence intervals of scores."""

import numpy as np
from numpy.typing import NDArray

from flywheel.evaluation.resampling import (
    Numbers,
    bounds,
    centred,
    draws,
    f1_scores,
    smoothing,
)
from flywheel.evaluation.scores import Interval


def wilson(successes: int, n: int, confidence: float) -> Interval:
    """Score interval of a proportion (Wilson, JASA 22, 1927)."""
    from scipy.stats import binomtest  # slow to import

    found = binomtest(successes, n).proportion_ci(confidence, method="wilson")
    return Interval(
        value=successes / n,
        low=float(found.low),
        high=float(found.high),
        confidence=confidence,
        method="Wilson score interval",
    )


def bootstrap_f1(
    confusion: NDArray[np.int64], resamples: int, confidence: float, seed: int
) -> tuple[Interval, Interval]:
    """Smoothed, stratified bootstrap of macro-F1 and weighted-F1 (see `resampling`).

    `confusion` has one row per class, each with a record at least, and at least as many columns,
    the first ones in the same order; further columns are answers that are no class. The score
    that the interval is of is that of the model on all records that come in these shares of the
    classes. Equal seeds give equal intervals.
    """
    classes = len(confusion)
    table = np.zeros((classes, classes + 1), dtype=np.int64)  # what is no class is one column
    table[:, :classes] = confusion[:, :classes]
    table[:, classes] = confusion[:, classes:].sum(axis=1)
    weights = table.astype(np.float64)
    added = smoothing(table.sum(axis=1))
    weights[np.arange(classes), np.arange(classes)] += added
    weights[:, classes] += added
    expected, answered = np.nonzero(weights)
    # Sums of cells by class, as matrix products: [cell, class] is 1 where the cell counts.
    of_class = np.arange(classes)
    in_support = (expected[:, None] == of_class).astype(np.float64)
    in_answers = (answered[:, None] == of_class).astype(np.float64)

    def scored(counts: NDArray[np.int64]) -> tuple[Numbers, Numbers]:
        return f1_scores(
            counts @ in_support, counts @ in_answers, counts @ (in_support * in_answers)
        )

    seen = table[expected, answered]
    drawn = [
        scored(counts)
        for counts in draws(expected, seen, weights[expected, answered], resamples, seed)
    ]
    values = scored(seen[None])
    macro, weighted = (
        _interval(float(values[i][0]), np.concatenate([scores[i] for scores in drawn]), confidence)
        for i in range(2)
    )
    return macro, weighted


def _interval(value: float, drawn: Numbers, confidence: float) -> Interval:
    low, high = bounds(value, centred(value, drawn), confidence)
    return Interval(
        value=value,
        low=max(low, 0.0),
        high=min(high, 1.0),
        confidence=confidence,
        method=f"smoothed stratified bootstrap, {len(drawn)} resamples",
    )
