"""Intervals: known values, determinism, agreement with resampling records, coverage."""

import time

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, f1_score

from flywheel.evaluation.intervals import bootstrap_f1, wilson

CLASSES = 6
SHARES = np.array([0.4, 0.25, 0.15, 0.1, 0.06, 0.04])


def draw(n: int, seed: int, right: float = 0.8) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Expected and answered class numbers of a model that is right with that probability."""
    rng = np.random.default_rng(seed)
    expected = rng.choice(CLASSES, n, p=SHARES)
    answered = np.where(rng.random(n) < right, expected, rng.choice(CLASSES, n, p=SHARES))
    return expected, answered


def table(expected: NDArray[np.int64], answered: NDArray[np.int64]) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = confusion_matrix(expected, answered, labels=range(CLASSES))
    return counts


def test_wilson_by_hand() -> None:
    interval = wilson(95, 100, 0.95)
    assert interval.value == 0.95
    # (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n) with z = 1.959964
    assert interval.low == pytest.approx(0.88825, abs=1e-5)
    assert interval.high == pytest.approx(0.97846, abs=1e-5)
    narrower = wilson(95, 100, 0.8)
    assert interval.low < narrower.low < narrower.high < interval.high


def test_equal_seeds_give_equal_intervals() -> None:
    counts = table(*draw(300, seed=1))
    first = bootstrap_f1(counts, 500, 0.95, seed=1)
    assert bootstrap_f1(counts, 500, 0.95, seed=1) == first
    assert bootstrap_f1(counts, 500, 0.95, seed=2) != first


def test_it_is_the_bootstrap_over_records() -> None:
    expected, answered = draw(200, seed=4)
    rng = np.random.default_rng(0)
    resampled: dict[str, list[float]] = {"macro": [], "weighted": []}
    for _ in range(400):
        rows = rng.integers(0, 200, 200)
        e, a = expected[rows], answered[rows]
        for average, scores in resampled.items():
            scores.append(f1_score(e, a, labels=np.unique(e), average=average, zero_division=0.0))
    intervals = bootstrap_f1(table(expected, answered), 4000, 0.95, seed=9)
    for interval, average in zip(intervals, ("macro", "weighted"), strict=True):
        low, high = np.quantile(resampled[average], [0.025, 0.975])
        assert interval.low == pytest.approx(low, abs=0.02)
        assert interval.high == pytest.approx(high, abs=0.02)


def test_answers_that_are_no_class_are_further_columns() -> None:
    counts = np.array([[8, 0, 2], [0, 5, 5]])
    macro, weighted = bootstrap_f1(counts, 200, 0.95, seed=1)
    assert macro.value == pytest.approx((16 / 18 + 10 / 15) / 2)
    assert weighted.value == pytest.approx(macro.value), "both classes have ten records"


def test_more_records_give_a_narrower_interval() -> None:
    def width(n: int) -> float:
        interval, _ = bootstrap_f1(table(*draw(n, seed=2)), 1000, 0.95, seed=1)
        return interval.high - interval.low

    assert width(2000) < width(200) < width(50)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    truth, _ = bootstrap_f1(table(*draw(1_000_000, seed=0)), 1, 0.95, seed=0)
    covered = above = 0
    for seed in range(300):
        interval, _ = bootstrap_f1(table(*draw(400, seed=1000 + seed)), 400, 0.95, seed=seed)
        covered += interval.low <= truth.value <= interval.high
        above += interval.low > truth.value
    assert covered / 300 > 0.91  # 0.95 less three standard errors of 300 trials
    assert above / 300 < 0.052  # how often a lower bound promises too much: 0.025 and three errors


def test_a_thousand_records_of_twenty_classes_take_a_moment() -> None:
    rng = np.random.default_rng(0)
    counts = np.diag(np.full(20, 40)) + rng.multinomial(200, np.full(400, 1 / 400)).reshape(20, 20)
    started = time.process_time()
    bootstrap_f1(counts, 2000, 0.95, seed=1)
    assert time.process_time() - started < 1


def test_large_tables_are_drawn_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = table(*draw(300, seed=1))
    whole = bootstrap_f1(counts, 500, 0.95, seed=1)
    monkeypatch.setattr("flywheel.evaluation.resampling._CHUNK_CELLS", 1000)
    assert bootstrap_f1(counts, 500, 0.95, seed=1) == whole
