"""How many records a decision needs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel.evaluation.paired import Difference
from flywheel.evaluation.planner import more_needed, power_of, records_needed


def test_known_numbers() -> None:
    """At the one-sided 5 % level, so with a two-sided interval of 90 %."""
    assert records_needed(0.03, 0.06, confidence=0.90, power=0.8) == 413
    assert records_needed(0.02, 0.06, confidence=0.90, power=0.8) == 928
    assert records_needed(0.03, 0.06, confidence=0.95, power=0.8) == 524


@given(st.floats(0.01, 0.2), st.floats(0.01, 0.4), st.floats(0.5, 0.95))
def test_the_size_has_the_power(margin: float, discordance: float, power: float) -> None:
    n = records_needed(margin, discordance, 0.95, power)
    assert power_of(n, margin, discordance, 0.95) >= power - 1e-9
    if n > 1:
        assert power_of(n - 1, margin, discordance, 0.95) < power


def test_a_candidate_that_is_better_needs_fewer() -> None:
    assert records_needed(0.03, 0.06, 0.95, 0.8, 0.01) < records_needed(0.03, 0.06, 0.95, 0.8)


def difference(value: float, half: float, n: int = 400) -> Difference:
    return Difference(
        metric="accuracy", value=value, low=value - half, high=value + half, confidence=0.95,
        margin=0.1, p_value=0.5, n=n, method="test",
    )  # fmt: skip


def test_a_wide_interval_asks_for_more_records() -> None:
    # 0.08 below the margin's end, the bound 0.1 away: (0.1 / 0.05)^2 times as many.
    assert more_needed(difference(-0.05, 0.1), 0.1, 0.95) == 1600
    assert more_needed(difference(-0.15, 0.1), 0.1, 0.95) == 1600
    assert more_needed(difference(-0.05, 0.04), 0.1, 0.95) == 401


@pytest.mark.parametrize("value", [-0.1, -0.105, -0.095])
def test_on_the_margin_no_number_would_do(value: float) -> None:
    assert more_needed(difference(value, 0.05), 0.1, 0.95) is None


def test_with_small_classes_the_smoothing_costs_records() -> None:
    """Simulated by tests/bench/bench_intervals.py: 0.63, 0.87 and 0.69 with 20 classes."""
    cases = ((400, 0.06, 0.63), (700, 0.06, 0.87), (1000, 0.15, 0.69))
    for n, discordance, simulated in cases:
        assert abs(power_of(n, 0.03, discordance, 0.95, classes=20) - simulated) < 0.02
    assert records_needed(0.03, 0.06, 0.95, 0.8, classes=20) > 524
