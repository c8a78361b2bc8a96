"""The rule, case by case."""

from decimal import Decimal

import pytest

from flywheel.decisions.rule import recommend
from flywheel.evaluation.scores import Confusion, Interval, Scores
from flywheel.settings import DecisionConfig

CONFIG = DecisionConfig(min_macro_f1=0.75, min_eval_records=100)


def scores(
    value: float,
    low: float,
    high: float,
    *,
    n: int = 1000,
    cost: str | None = None,
    seconds: float = 0.001,
) -> Scores:
    interval = Interval(value=value, low=low, high=high, confidence=0.95, method="test")
    return Scores(
        n=n,
        macro_f1=interval,
        weighted_f1=interval,
        accuracy=interval,
        per_class=[],
        confusion=Confusion(labels=[], counts=[]),
        unparseable=0,
        seconds=seconds,
        input_tokens=1,
        output_tokens=1,
        cost_per_1000=None if cost is None else Decimal(cost),
        seed=1,
    )


@pytest.mark.parametrize(
    ("low", "high", "n", "verdict"),
    [
        (0.80, 0.86, 1000, "promote"),
        (0.75, 0.86, 100, "promote"),  # both requirements just met
        (0.749, 0.86, 1000, "insufficient-data"),
        (0.60, 0.75, 1000, "insufficient-data"),
        (0.60, 0.749, 1000, "keep"),
        (0.80, 0.86, 99, "insufficient-data"),
        (0.00, 0.10, 99, "insufficient-data"),
    ],
)
def test_verdicts(low: float, high: float, n: int, verdict: str) -> None:
    result = recommend([("svm", scores((low + high) / 2, low, high, n=n))], None, CONFIG, "USD")
    assert result.verdict == verdict
    assert result.candidates[0].verdict == verdict


def test_the_reason_carries_the_numbers() -> None:
    result = recommend([("svm", scores(0.8311, 0.8015, 0.8562))], None, CONFIG, "USD")
    assert result.reason == (
        "svm has macro-F1 0.831 on 1,000 records (95 % interval 0.801 to 0.856); "
        "the whole interval is at or above the required 0.750."
    )
    few = recommend([("svm", scores(0.83, 0.80, 0.86, n=40))], None, CONFIG, "USD")
    assert "on 40 records" in few.reason
    assert "at least 100 records" in few.reason


def test_the_cheapest_of_those_that_pass() -> None:
    result = recommend(
        [
            ("best", scores(0.90, 0.88, 0.92, cost="0.05")),
            ("cheap", scores(0.80, 0.77, 0.83, cost="0.01", seconds=0.5)),
            ("cheaper but weak", scores(0.60, 0.55, 0.65, cost="0.001")),
            ("no price", scores(0.95, 0.93, 0.97)),
        ],
        Decimal("0.20"),
        CONFIG,
        "EUR",
    )
    assert (result.verdict, result.model_name) == ("promote", "cheap")
    assert result.reason.endswith("of the 3 that pass it is the cheapest.")
    assert (result.saving_per_1000, result.saving_share) == (Decimal("0.19"), 0.95)
    assert result.currency == "EUR"
    order = [verdict.model_name for verdict in result.candidates]
    assert order == ["cheap", "best", "no price", "cheaper but weak"]


def test_without_prices_the_best_then_the_fastest() -> None:
    slow, fast = scores(0.9, 0.88, 0.92, seconds=0.01), scores(0.8, 0.77, 0.83, seconds=0.001)
    result = recommend([("fast", fast), ("slow", slow)], Decimal(1), CONFIG, "USD")
    assert result.model_name == "slow"
    assert result.reason.endswith("it is the best.")
    assert (result.saving_per_1000, result.saving_share) == (None, None)
    as_good = scores(0.9, 0.88, 0.92, seconds=0.001)
    result = recommend([("slow", slow), ("as good", as_good)], None, CONFIG, "USD")
    assert result.model_name == "as good"
    assert result.reason.endswith("it is the fastest.")


def test_a_difference_too_small_to_matter_does_not_decide() -> None:
    """0.00003 saved of a teacher's 0.058 is no reason to take the weaker model."""
    candidates = [
        ("weaker", scores(0.809, 0.760, 0.842, cost="0.00002")),
        ("better", scores(0.827, 0.784, 0.855, cost="0.00005")),
    ]
    result = recommend(candidates, Decimal("0.058"), CONFIG, "USD")
    assert result.model_name == "better"
    assert result.reason.endswith("it is the best of those that cost about the same.")
    dear = recommend(candidates, Decimal("0.0001"), CONFIG, "USD")
    assert dear.model_name == "weaker"


def test_where_none_passes_the_best_gives_the_verdict() -> None:
    result = recommend(
        [
            ("low", scores(0.5, 0.45, 0.55, cost="0.01")),
            ("close", scores(0.76, 0.72, 0.80, cost="0.02")),
        ],
        Decimal(1),
        CONFIG,
        "USD",
    )
    assert (result.verdict, result.model_name) == ("insufficient-data", "close")
    assert result.saving_per_1000 is None
    assert [verdict.verdict for verdict in result.candidates] == ["insufficient-data", "keep"]


def test_a_dearer_candidate_has_no_share_to_save() -> None:
    result = recommend([("svm", scores(0.9, 0.88, 0.92, cost="3"))], Decimal(1), CONFIG, "USD")
    assert (result.saving_per_1000, result.saving_share) == (Decimal(-2), None)
