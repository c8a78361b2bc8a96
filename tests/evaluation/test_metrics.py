"""Scores against hand calculations and scikit-learn."""

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from flywheel.errors import DataError
from flywheel.evaluation.metrics import OTHER, UNPARSEABLE, score
from flywheel.evaluation.scores import Scores
from flywheel.settings import EvaluationConfig
from flywheel.settings.sections import ModelPrice

CONFIG = EvaluationConfig(bootstrap_resamples=200)


def scored(
    expected: list[str], answered: list[str | None], price: ModelPrice | None = None
) -> Scores:
    n = len(expected)
    return score(expected, answered, [0.5] * n, [10] * n, [4] * n, CONFIG, seed=3, price=price)


def test_a_case_done_by_hand() -> None:
    scores = scored(["a", "a", "a", "b", "b", "c"], ["a", "a", "b", "b", None, "z"])
    # a: 2 right, 1 missed. b: 1 right, 1 missed, 1 wrongly answered. c: missed.
    rows = [(row.label, row.precision, row.recall, row.f1, row.support) for row in scores.per_class]
    assert rows == [
        ("a", 1.0, pytest.approx(2 / 3), pytest.approx(0.8), 3),
        ("b", 0.5, 0.5, 0.5, 2),
        ("c", 0.0, 0.0, 0.0, 1),
    ]
    assert scores.macro_f1.value == pytest.approx((0.8 + 0.5 + 0) / 3)
    assert scores.weighted_f1.value == pytest.approx((3 * 0.8 + 2 * 0.5 + 0) / 6)
    assert scores.accuracy.value == 0.5
    assert scores.unparseable == 1
    assert scores.confusion.labels == ["a", "b", "c", OTHER, UNPARSEABLE]
    assert scores.confusion.counts == [
        [2, 1, 0, 0, 0],
        [0, 1, 0, 0, 1],
        [0, 0, 0, 1, 0],
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
    ]
    assert (scores.n, scores.seconds, scores.input_tokens, scores.output_tokens) == (6, 0.5, 10, 4)


def test_invented_labels_do_not_change_the_number_of_classes() -> None:
    one = scored(["a", "a", "b", "b"], ["a", "z", "b", "z"])
    many = scored(["a", "a", "b", "b"], ["a", "x", "b", "y"])
    none = scored(["a", "a", "b", "b"], ["a", None, "b", None])
    assert one.macro_f1 == many.macro_f1 == none.macro_f1
    assert one.macro_f1.value == pytest.approx(2 / 3)
    assert len(one.per_class) == 2


def test_everything_right_and_everything_wrong() -> None:
    right = scored(["a", "b"] * 20, ["a", "b"] * 20)
    assert (right.macro_f1.value, right.macro_f1.high) == (1, 1)
    for interval in (right.macro_f1, right.weighted_f1, right.accuracy):
        assert 0.9 < interval.low < 0.99, "40 records are no certainty"
    wrong = scored(["a", "b"] * 20, [None] * 40)
    assert (wrong.macro_f1.value, wrong.accuracy.value) == (0, 0)


def test_no_records_is_a_sentence() -> None:
    with pytest.raises(DataError, match="evaluation set is empty"):
        scored([], [])


def test_the_price_gives_the_cost() -> None:
    assert scored(["a", "b"], ["a", "b"]).cost_per_1000 is None
    price = ModelPrice(per_hour=Decimal("7.2"), input_per_million=Decimal(1))
    # 500 s at 0.002 a second, and 10,000 tokens at a millionth each
    assert scored(["a", "b"], ["a", "b"], price).cost_per_1000 == Decimal("1.01")


labels = st.sampled_from(["a", "b", "c"])
answers = st.sampled_from(["a", "b", "c", "z", None])


@pytest.mark.filterwarnings("ignore:A single label was found")
@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(labels, answers), min_size=1, max_size=60))
def test_values_are_those_of_scikit_learn(records: list[tuple[str, str | None]]) -> None:
    expected = [label for label, _ in records]
    answered = [answer for _, answer in records]
    plain = [answer or "nothing" for answer in answered]
    classes = sorted(set(expected))
    scores = scored(expected, answered)
    for interval, value in (
        (scores.macro_f1, f1_score(expected, plain, labels=classes, average="macro")),
        (scores.weighted_f1, f1_score(expected, plain, labels=classes, average="weighted")),
        (scores.accuracy, accuracy_score(expected, plain)),
    ):
        assert interval.value == pytest.approx(value)
        assert 0 <= interval.low <= interval.high <= 1
    counts = np.array(scores.confusion.counts)
    assert counts.sum() == scores.n
    assert math.isclose(np.trace(counts[: len(classes)]) / scores.n, scores.accuracy.value)
