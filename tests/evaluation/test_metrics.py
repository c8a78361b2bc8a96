"""Scores against hand calculations and scikit-learn."""

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

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


def test_recall_has_an_interval_for_floors() -> None:
    scores = scored(["a"] * 20 + ["b"], ["a"] * 19 + ["b", "b"])
    often, once = (row.recall_interval for row in scores.per_class)
    assert often is not None
    assert once is not None
    # Wilson's formula by hand for 19 of 20, z = 1.96
    assert (often.value, often.low, often.high) == pytest.approx((0.95, 0.7639, 0.9911), abs=1e-4)
    assert once.value == 1
    assert once.low < 0.21, "one record proves nothing"


def test_latency_percentiles() -> None:
    times = [0.001 * i for i in range(101)]
    plain = ["a"] * 50 + ["b"] * 51
    scores = score(plain, plain, times[::-1], [1] * 101, [1] * 101, CONFIG, seed=1)
    assert (scores.seconds_p50, scores.seconds_p95, scores.seconds_p99) == pytest.approx(
        (0.050, 0.095, 0.099)
    )


def test_classes_of_the_log_without_a_record_are_named() -> None:
    ones = [1, 1]
    scores = score(
        *(["a", "b"], ["a", "rare"], [0.1, 0.1], ones, ones, CONFIG, 1),
        texts=(["[[[a]]]", "it is rare, b"], ["[[[a]]]", "[[[b]]]"]),
        known_classes=["rare", "b", "a", "Rarer"],
    )
    assert scores.absent_classes == ["Rarer", "rare"]
    assert scores.accuracy.value == 0.5
    assert scores.token_f1 == pytest.approx((1 + 2 / 5) / 2)
    assert scored(["a", "b"], ["a", "b"]).absent_classes == []


def test_rows_of_older_runs_load() -> None:
    new = scored(["a", "b", "b", "a"], ["a", None, "b", "a"], ModelPrice(per_hour=Decimal(1)))
    since = {
        *("balanced_accuracy", "token_f1", "absent_classes", "seconds_p50", "seconds_p95"),
        *("seconds_p99", "cost_per_correct", "unparseable_share"),
    }
    dumped = new.model_dump(mode="json")
    assert Scores.model_validate(dumped) == new
    old = {key: value for key, value in dumped.items() if key not in since}
    for row in old["per_class"]:
        del row["recall_interval"]
    loaded = Scores.model_validate(old)
    assert (loaded.balanced_accuracy, loaded.token_f1, loaded.seconds_p95) == (None, None, None)
    assert loaded.absent_classes == []
    assert loaded.unparseable_share == 0.25
    assert loaded.macro_f1 == new.macro_f1


def test_the_price_gives_the_cost() -> None:
    assert scored(["a", "b"], ["a", "b"]).cost_per_1000 is None
    price = ModelPrice(per_hour=Decimal("7.2"), input_per_million=Decimal(1))
    # 500 s at 0.002 a second, and 10,000 tokens at a millionth each
    assert scored(["a", "b"], ["a", "b"], price).cost_per_1000 == Decimal("1.01")
    # half of the answers are right, so a right one costs two requests
    assert scored(["a", "b"], ["a", "a"], price).cost_per_correct == Decimal("0.00202")
    assert scored(["a", "b"], ["b", "a"], price).cost_per_correct is None
    assert scored(["a", "b"], ["a", "b"]).cost_per_correct is None


labels = st.sampled_from(["a", "b", "c"])
answers = st.sampled_from(["a", "b", "c", "z", None])


@pytest.mark.filterwarnings("ignore:A single label was found", "ignore:y_pred contains classes")
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
    assert scores.balanced_accuracy == pytest.approx(balanced_accuracy_score(expected, plain))
    counts = np.array(scores.confusion.counts)
    assert counts.sum() == scores.n
    assert math.isclose(np.trace(counts[: len(classes)]) / scores.n, scores.accuracy.value)
