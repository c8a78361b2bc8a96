"""Confidence intervals of scores."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from flywheel.evaluation.scores import Interval

_CHUNK_CELLS = 2_000_000  # int64 counts held at a time: 16 MB


def wilson(successes: int, n: int, confidence: float) -> Interval:
    """Score interval of a proportion (Wilson, JASA 22, 1927)."""
    bounds = binomtest(successes, n).proportion_ci(confidence, method="wilson")
    return Interval(
        value=successes / n,
        low=float(bounds.low),
        high=float(bounds.high),
        confidence=confidence,
        method="Wilson score interval",
    )


def bootstrap_f1(
    confusion: NDArray[np.int64], resamples: int, confidence: float, seed: int
) -> tuple[Interval, Interval]:
    """Percentile bootstrap of macro-F1 and weighted-F1 (Efron & Tibshirani 1993, chapter 13).

    `confusion` has one row per class and at least as many columns, the first ones in the same
    order; further columns are answers that are no class. Records are exchangeable, so drawing n
    of them with replacement is drawing the cells of the table from a multinomial: the same
    distribution, without touching records. Each resample is scored as an evaluation set of its
    own: the mean runs over the classes that it holds. Equal seeds give equal intervals.
    """
    expected, answered = np.nonzero(confusion)
    cells = confusion[expected, answered]
    n = int(cells.sum())
    classes = confusion.shape[0]
    # Sums of cells by class, as matrix products: [cell, class] is 1 where the cell counts.
    of_class = np.arange(classes)
    in_support = (expected[:, None] == of_class).astype(np.float64)
    in_answers = (answered[:, None] == of_class).astype(np.float64)

    rng = np.random.default_rng(seed)
    macro, weighted = np.empty(resamples), np.empty(resamples)
    chunk = max(1, _CHUNK_CELLS // len(cells))
    for first in range(0, resamples, chunk):
        part = slice(first, min(first + chunk, resamples))
        drawn = rng.multinomial(n, cells / n, size=part.stop - part.start)
        macro[part], weighted[part] = _f1(
            drawn @ in_support, drawn @ in_answers, drawn @ (in_support * in_answers)
        )

    table = confusion.astype(np.float64)
    values = _f1(
        table.sum(axis=1)[None], table.sum(axis=0)[None, :classes], np.diagonal(table)[None]
    )
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    return (
        _percentile(float(values[0][0]), macro, tails, confidence),
        _percentile(float(values[1][0]), weighted, tails, confidence),
    )


def _f1(
    support: NDArray[np.float64], answers: NDArray[np.float64], correct: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Macro- and weighted-F1 of each row of per-class counts."""
    f1 = 2 * correct / np.maximum(support + answers, 1)
    present = support > 0
    return (f1 * present).sum(axis=1) / present.sum(axis=1), (
        (f1 * support).sum(axis=1) / support.sum(axis=1)
    )


def _percentile(
    value: float, resampled: NDArray[np.float64], tails: list[float], confidence: float
) -> Interval:
    low, high = np.quantile(resampled, tails)
    return Interval(
        value=value,
        low=float(low),
        high=float(high),
        confidence=confidence,
        method=f"percentile bootstrap over records, {len(resampled)} resamples",
    )
