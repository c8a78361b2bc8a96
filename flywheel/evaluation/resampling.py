"""Drawing evaluation sets like the one at hand: the bootstrap behind intervals of F1.

Evaluation sets are stratified, so every class is a stratum (Davison & Hinkley, Bootstrap Methods
and their Application, 1997, section 3.2), and one record less than it has is drawn of each, or
intervals would be too narrow where strata are small (Rao & Wu, JASA 83, 1988). Classes of fewer
than POOLED records tell too little on their own and share one stratum.

What was never seen is not impossible: before drawing, every class is given SMOOTHED records that
are answered right and as many that are answered wrong, the smallest classes less (a smoothed
bootstrap; Silverman & Young, Biometrika 74, 1987). So a model without a single mistake has an
interval with a width.

F1 is bent, and smoothing pulls it down: what is drawn is shifted so that its median is the score
that was seen (bias correction; Efron & Tibshirani, An Introduction to the Bootstrap, 1993,
chapter 10).

What this was chosen by, the coverage of simulated evaluation sets: tests/bench/bench_intervals.py.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Numbers = NDArray[np.float64]

POOLED = 5  # records; smaller classes share a stratum
SMOOTHED = 0.25  # records
_CHUNK_CELLS = 2_000_000  # int64 counts held at a time: 16 MB


def smoothing(sizes: Counts) -> Numbers:
    """What is added to each class of these many records: the more of it, the less they tell."""
    added: Numbers = SMOOTHED * np.minimum(1, sizes / POOLED)
    return added


def draws(
    expected: Counts, seen: Counts, smoothed: Numbers, resamples: int, seed: int
) -> Iterator[Counts]:
    """Resampled counts of each cell, in chunks of shape (some, cells); `resamples` rows in all.

    A cell is a kind of record: `expected[cell]` its class, `seen[cell]` how many there are,
    `smoothed[cell]` the weight that it is drawn by. Equal seeds give equal draws.
    """
    strata = list(_strata(expected, seen))
    streams = np.random.default_rng(seed).spawn(len(strata))  # the same however it is chunked
    chunk = max(1, _CHUNK_CELLS // len(seen))
    for first in range(0, resamples, chunk):
        rows = min(chunk, resamples - first)
        drawn = np.zeros((rows, len(seen)), dtype=np.int64)
        for cells, rng in zip(strata, streams, strict=True):
            weights = smoothed[cells]
            drawn[:, cells] = rng.multinomial(
                max(1, seen[cells].sum() - 1), weights / weights.sum(), size=rows
            )
        yield drawn


def _strata(expected: Counts, seen: Counts) -> Iterator[Counts]:
    sizes = np.bincount(expected, weights=seen)
    for label in np.flatnonzero(sizes >= POOLED):
        yield np.flatnonzero(expected == label)
    small = np.flatnonzero((sizes < POOLED)[expected])
    if len(small):
        yield small


def f1_scores(support: Numbers, answers: Numbers, correct: Numbers) -> tuple[Numbers, Numbers]:
    """Macro- and weighted-F1 of each row of per-class counts, shapes (rows, classes) to (rows,).

    The mean runs over the classes that the row holds.
    """
    f1 = 2 * correct / np.maximum(support + answers, 1)
    present = support > 0
    return (f1 * present).sum(axis=1) / present.sum(axis=1), (
        (f1 * support).sum(axis=1) / support.sum(axis=1)
    )


def centred(value: float, drawn: Numbers) -> Numbers:
    """What was drawn, shifted so that its median is the value that was seen."""
    return drawn - np.median(drawn) + value


def bounds(value: float, drawn: Numbers, confidence: float) -> tuple[float, float]:
    """The percentile interval of what was drawn (centred), which holds the value itself."""
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return min(float(low), value), max(float(high), value)
