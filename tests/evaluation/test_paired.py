"""Two models on the same records."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap
from sklearn.metrics import accuracy_score, f1_score

from flywheel.errors import DataError
from flywheel.evaluation.paired import Difference, holm, mcnemar, paired_difference, paired_means

LABELS = ["A", "B", "C"]
ANSWERS = st.sampled_from([*LABELS, "D", None])
RECORDS = st.lists(st.tuples(st.sampled_from(LABELS), ANSWERS, ANSWERS), min_size=2, max_size=60)
Records = list[tuple[str, str | None, str | None]]


def compared(records: Records, metric: str = "macro_f1", margin: float = 0.05) -> Difference:
    expected, candidate, reference = zip(*records, strict=True)
    return paired_difference(
        expected, candidate, reference,
        metric=metric, margin=margin, resamples=400, confidence=0.95, seed=3,
    )  # type: ignore[arg-type]  # fmt: skip


def planted(n: int, wrong: float, seed: int = 1) -> Records:
    """Classes in turn; the candidate is wrong on that share, the reference never."""
    rng = np.random.default_rng(seed)
    records: Records = []
    for row in range(n):
        label = LABELS[row % 3]
        other = LABELS[(row + 1) % 3]
        records.append((label, other if rng.random() < wrong else label, label))
    return records


@given(RECORDS, st.sampled_from(["macro_f1", "weighted_f1", "accuracy"]))
@settings(max_examples=60, deadline=None)
def test_the_value_is_that_of_scikit_learn(records: Records, metric: str) -> None:
    expected = [e for e, _, _ in records]

    def score(answers: list[str]) -> float:
        if metric == "accuracy":
            return float(accuracy_score(expected, answers))
        average = metric.removesuffix("_f1")
        labels = sorted(set(expected))
        return float(f1_score(expected, answers, labels=labels, average=average, zero_division=0.0))

    found = compared(records, metric)
    candidate, reference = ([r[i] or "none" for r in records] for i in (1, 2))
    assert found.value == pytest.approx(score(candidate) - score(reference))
    assert found.low <= found.value <= found.high
    assert 0 < found.p_value <= 1


@given(RECORDS)
@settings(max_examples=40, deadline=None)
def test_the_other_way_round_is_the_opposite(records: Records) -> None:
    there = compared(records, "accuracy")
    back = compared([(e, r, c) for e, c, r in records], "accuracy")
    assert back.value == pytest.approx(-there.value)


def test_a_copy_differs_by_nothing_but_not_for_certain() -> None:
    copy = compared([(e, e, e) for e, _, _ in planted(300, 0)])
    assert (copy.value, copy.high) == (0, 0)
    assert -0.05 < copy.low < 0
    noisy = [(e, c, c) for e, c, _ in planted(300, 0.2)]
    twin = compared(noisy)
    assert twin.value == 0
    assert -0.05 < twin.low < 0 < twin.high < 0.05


def test_what_they_have_in_common_cancels_out() -> None:
    records = [(e, c, c) for e, c, _ in planted(600, 0.3)]
    records[0] = (records[0][0], None, records[0][0])
    difference = compared(records, "accuracy")
    alone = compared([(e, c, e) for e, c, _ in records], "accuracy")
    assert (difference.high - difference.low) < (alone.high - alone.low) / 2


def test_the_p_value_fits_the_interval() -> None:
    for wrong in (0.0, 0.02, 0.05, 0.1, 0.3):
        found = compared(planted(400, wrong))
        level = (1 - found.confidence) / 2
        clearly = abs(found.low + found.margin) > 0.002  # a step of 400 resamples
        assert (found.low > -found.margin) == (found.p_value < level) or not clearly


def test_equal_seeds_give_equal_results() -> None:
    records = planted(100, 0.2)
    assert compared(records) == compared(records)
    assert compared(records) == compared(list(reversed(records)))


def test_mcnemar_by_hand() -> None:
    found = mcnemar(["A"] * 20, ["A"] * 8 + ["B"] * 12, ["B"] * 8 + ["A"] * 2 + [None] * 10)
    assert (found.only_candidate_right, found.only_reference_right) == (8, 2)
    # Of 10 records on which one is right, 2 or fewer for one side: 2 * (1 + 10 + 45) / 1024.
    assert found.p_value == pytest.approx(112 / 1024)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.2]) == [0.2]


def test_a_candidate_on_the_margin_is_seldom_let_through() -> None:
    """Of 200 evaluation sets 2.5 % may; 6 % would be three errors more."""
    through = 0
    for seed in range(200):
        records = planted(400, 0.1, seed)
        found = compared(records, "accuracy", margin=0.1)
        through += found.low > -0.1
    assert through / 200 < 0.06


def test_a_thousand_records_of_twenty_classes_take_a_moment() -> None:
    import time

    rng = np.random.default_rng(0)
    expected = [str(row % 20) for row in range(1000)]
    candidate = [e if rng.random() < 0.8 else str(rng.integers(20)) for e in expected]
    started = time.process_time()
    paired_difference(expected, candidate, expected, "macro_f1", 0.1, 2000, 0.95, 1)
    assert time.process_time() - started < 1


def test_means_are_compared_like_scipy_does() -> None:
    """Next to nothing is smoothed where there are many records."""
    rng = np.random.default_rng(8)
    ours, theirs = rng.integers(0, 10, 800) / 9, rng.integers(3, 10, 800) / 9
    found = paired_means(ours.tolist(), theirs.tolist(), 0.1, 4000, 0.95, 5)
    other = bootstrap((ours - theirs,), np.mean, n_resamples=4000, method="percentile", rng=5)
    assert found.value == pytest.approx((ours - theirs).mean())
    assert found.low == pytest.approx(other.confidence_interval.low, abs=0.003)
    assert found.high == pytest.approx(other.confidence_interval.high, abs=0.003)
    assert found.p_value > 0.9  # far below what the margin allows
    assert found == paired_means(ours.tolist(), theirs.tolist(), 0.1, 4000, 0.95, 5)


def test_a_flawless_mean_has_an_interval_too_and_what_is_not_judged_is_left_out() -> None:
    found = paired_means([1.0] * 100 + [None], [1.0] * 101, 0.1, 2000, 0.95, 5)
    assert (found.value, found.high, found.n) == (0, 0, 100)
    assert -0.04 < found.low < 0
    assert found.p_value < 0.01
    # Against a model that errs, either may be the better one.
    both = paired_means([1.0] * 100, [1.0] * 99 + [0.0], 0.1, 2000, 0.95, 5)
    assert both.low < 0.01 < both.high
    with pytest.raises(DataError, match="No record has been judged for both"):
        paired_means([None, 1.0], [1.0, None], 0.1, 2000, 0.95, 5)


def test_no_bound_is_beyond_what_a_difference_can_be() -> None:
    found = paired_difference(
        ["a"] * 3, ["a"] * 3, ["b", "b", "b"],
        metric="accuracy", margin=0.0, resamples=2000, confidence=0.998, seed=1,
    )  # fmt: skip
    assert found.value == 1
    assert -1 <= found.low <= found.high <= 1
