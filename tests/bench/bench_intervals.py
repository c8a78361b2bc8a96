"""Whether intervals and tests keep what they say: `python tests/bench/bench_intervals.py`.

Draws stratified evaluation sets from known models, and counts how often the interval holds the
truth, how often a candidate exactly on the margin is promoted, and how often one that is good
enough is. Ends with status 1 where a limit is broken by more than the error of the simulation.
"""

import argparse
import sys
from collections.abc import Iterator
from math import sqrt
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from flywheel.evaluation.intervals import bootstrap_f1
from flywheel.evaluation.paired import paired_difference
from flywheel.evaluation.planner import power_of

CLASSES = 20
CONFIDENCE = 0.95
RESAMPLES = 1000
MARGIN = 0.03
ERRORS = 3  # of the simulation: of fifteen checks one is beyond two by chance in every third run
Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]


def main() -> None:
    """Every simulation, as a table; exits with 1 where one breaks its limit."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--repetitions", type=int, default=1000)
    repetitions = arguments.parse_args().repetitions
    print(f"{repetitions:,} repetitions each, {RESAMPLES:,} resamples, {CLASSES} classes\n")
    kept = [in_time(), *coverage(repetitions), *promotions(repetitions)]
    if not all(kept):
        print("\nA limit is broken.")
        sys.exit(1)
    print("\nEvery limit is kept, to within three errors of the simulation.")


def in_time() -> bool:
    """2,000 resamples of 1,000 records of 20 classes take less than a second."""
    rng = np.random.default_rng(1)
    sizes = class_sizes(76.0, 1000)
    model = confusion_of(rng, 0.8)
    table = np.stack([rng.multinomial(n, row) for n, row in zip(sizes, model, strict=True)])
    bootstrap_f1(table, 200, CONFIDENCE, seed=1)  # imports and warms up
    started = perf_counter()
    bootstrap_f1(table, 2000, CONFIDENCE, seed=1)
    seconds = perf_counter() - started
    print(f"1,000 records, {CLASSES} classes, 2,000 resamples: {seconds:.3f} s (limit 1 s)\n")
    return seconds < 1


def coverage(repetitions: int) -> Iterator[bool]:
    """95 % intervals hold the true macro-F1 in 93 to 97 % of evaluation sets."""
    print("classes        n  accuracy  coverage   error  too high  too low   width")
    for name, skew in (("balanced", 1.0), ("76:1", 76.0)):
        for n in (300, 1000):
            for accuracy in (0.8, 0.9):
                yield _coverage(name, class_sizes(skew, n), accuracy, repetitions)


def _coverage(name: str, sizes: Counts, accuracy: float, repetitions: int) -> bool:
    rng = np.random.default_rng(int(sizes.sum()) + int(accuracy * 100))
    covered = above = below = width = 0.0
    for repetition in range(repetitions):
        model = confusion_of(rng, accuracy)
        true = macro_f1(sizes[:, None] * model)
        table = np.stack([rng.multinomial(n, row) for n, row in zip(sizes, model, strict=True)])
        interval, _ = bootstrap_f1(table, RESAMPLES, CONFIDENCE, seed=repetition)
        covered += interval.low <= true <= interval.high
        above += interval.low > true
        below += interval.high < true
        width += interval.high - interval.low
    share, error = covered / repetitions, _error(CONFIDENCE, repetitions)
    print(
        f"{name:9} {sizes.sum():6,} {accuracy:9.2f} {share:9.3f} {error:7.3f} "
        f"{above / repetitions:9.3f} {below / repetitions:8.3f} {width / repetitions:7.3f}"
    )
    return 0.93 - ERRORS * error <= share <= 0.97 + ERRORS * error


def promotions(repetitions: int) -> Iterator[bool]:
    """The paired test of accuracy: false promotions on the margin, and power off it."""
    level = (1 - CONFIDENCE) / 2
    print(f"\nMargin {MARGIN}, one-sided level {level:.3f}")
    print("difference  disagree      n  promoted   error  limit")
    for disagree, n in ((0.06, 400), (0.06, 1000), (0.15, 1000)):
        share = _promoted(-MARGIN, disagree, n, repetitions)
        error = _error(level, repetitions)
        print(f"{-MARGIN:10} {disagree:9.2f} {n:6,} {share:9.3f} {error:7.3f}  at most {level:.3f}")
        yield share <= level + ERRORS * error
    for disagree, n in ((0.06, 400), (0.06, 700), (0.15, 1000)):
        share = _promoted(0.0, disagree, n, repetitions)
        planned = power_of(n, MARGIN, disagree, CONFIDENCE, classes=CLASSES)
        error = _error(planned, repetitions)
        print(f"{0.0:10} {disagree:9.2f} {n:6,} {share:9.3f} {error:7.3f}  planned {planned:.3f}")
        yield abs(share - planned) <= 0.05 + ERRORS * error


def _promoted(difference: float, disagree: float, n: int, repetitions: int) -> float:
    """How often a candidate that truly differs by this much is found not inferior."""
    rng = np.random.default_rng(int(n + 100 * disagree + 1e4 * abs(difference)))
    expected = [str(row % CLASSES) for row in range(n)]
    shares = [(disagree + difference) / 2, (disagree - difference) / 2]
    promoted = 0
    for repetition in range(repetitions):
        # Per record: only the candidate is right, only the reference, both.
        kind = rng.choice(3, n, p=[*shares, 1 - sum(shares)])
        candidate = [None if k == 1 else e for k, e in zip(kind, expected, strict=True)]
        reference = [None if k == 0 else e for k, e in zip(kind, expected, strict=True)]
        found = paired_difference(
            expected, candidate, reference, "accuracy", MARGIN, RESAMPLES, CONFIDENCE, repetition
        )
        promoted += found.low > -MARGIN and found.p_value < (1 - CONFIDENCE) / 2
    return promoted / repetitions


def class_sizes(skew: float, n: int) -> Counts:
    """Records per class, at least one, from the largest class to one `skew` times smaller."""
    shares = np.geomspace(skew, 1, CLASSES)
    wanted = shares / shares.sum() * n
    sizes = np.maximum(np.floor(wanted).astype(np.int64), 1)
    while sizes.sum() != n:
        step = 1 if sizes.sum() < n else -1
        gap = np.where(sizes + step >= 1, step * (wanted - sizes), -np.inf)
        sizes[np.argmax(gap)] += step
    return sizes


def confusion_of(rng: np.random.Generator, accuracy: float) -> Numbers:
    """A model: for each class the shares of its answers; its mistakes go to few classes."""
    right = np.clip(rng.beta(20 * accuracy, 20 * (1 - accuracy), CLASSES), 0.02, 0.999)
    table = rng.dirichlet(np.full(CLASSES, 0.3), CLASSES)
    np.fill_diagonal(table, 0)
    table *= ((1 - right) / table.sum(axis=1))[:, None]
    np.fill_diagonal(table, right)
    shares: Numbers = table / table.sum(axis=1, keepdims=True)
    return shares


def macro_f1(table: Numbers) -> float:
    """Of a table of counts or expected counts."""
    return float((2 * np.diagonal(table) / (table.sum(axis=1) + table.sum(axis=0))).mean())


def _error(share: float, repetitions: int) -> float:
    """The standard error of a simulated share."""
    return sqrt(share * (1 - share) / repetitions)


if __name__ == "__main__":
    main()
