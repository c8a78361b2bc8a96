"""How numbers are shown."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel.evaluation.scores import Interval
from flywheel.formatting import ahead, count, duration, money, percent, score, when, when_in


def test_a_score_carries_its_interval_and_n() -> None:
    interval = Interval(value=0.8744, low=0.842, high=0.9031, confidence=0.95, method="bootstrap")
    assert score(interval, 400) == "0.874 (95 % 0.842–0.903, n 400)"
    assert score(interval, 12_000).endswith("n 12,000)")


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0.00 USD"),
        ("12.345", "12.34 USD"),
        ("1204", "1,204.00 USD"),
        ("1", "1.00 USD"),
        ("0.25", "0.25 USD"),
        ("0.1", "0.10 USD"),
        ("0.00231", "0.00231 USD"),
        ("0.002309", "0.00231 USD"),
        ("0.002", "0.002 USD"),
        ("0.9999", "1.00 USD"),
        ("-0.05", "-0.05 USD"),
        ("-4321.5", "-4,321.50 USD"),
        ("1E+6", "1,000,000.00 USD"),
        ("2E-7", "0.0000002 USD"),
    ],
)
def test_money(amount: str, text: str) -> None:
    assert money(Decimal(amount), "USD") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.00042, "0.42 ms"),
        (0.0031, "3.1 ms"),
        (0.0099, "10 ms"),
        (0.042, "42 ms"),
        (0.42, "0.42 s"),
        (1, "1 s"),
        (9.999, "10 s"),
        (12.4, "12 s"),
        (59.7, "1 min"),
        (185, "3 min 5 s"),
        (7800, "2 h 10 min"),
        (7200, "2 h"),
        (100_800, "1 d 4 h"),
        (86_460, "1 d"),
        (-12, "-12 s"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (0.95, "95 %"),
        (0.875, "87.5 %"),
        (0.0004, "0.04 %"),
        (0.00001, "0.001 %"),
        (0.0005, "0.1 %"),
        (0.99999, "over 99.9 %"),
        (1, "100 %"),
        (-0.25, "-25 %"),
    ],
)
def test_percent(share: float, text: str) -> None:
    assert percent(share) == text


def test_counts_and_moments() -> None:
    assert count(21_107) == "21,107"
    assert count(7) == "7"
    assert when(datetime(2026, 11, 23, 8, 27, 59, tzinfo=UTC)) == "2026-11-23 08:27 UTC"
    berlin = timezone(timedelta(hours=1))
    assert when(datetime(2026, 11, 23, 0, 30, tzinfo=berlin)) == "2026-11-22 23:30 UTC"


@given(st.decimals(min_value=-(10**9), max_value=10**9, allow_nan=False))
def test_money_is_within_its_last_shown_digit(amount: Decimal) -> None:
    shown = Decimal(money(amount, "EUR").removesuffix(" EUR").replace(",", ""))
    assert abs(shown - amount) <= max(abs(amount) * Decimal("0.01"), Decimal("1e-30"))


@given(st.floats(min_value=0.0001, max_value=10**8))
def test_durations_never_show_nothing_or_an_exponent(seconds: float) -> None:
    text = duration(seconds)
    assert text[0].isdigit()
    assert "e" not in text
    assert not text.startswith("0 ")


def test_when_something_is_expected() -> None:
    now = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    for seconds, text in (
        (-5, "any moment now"),
        (42, "in about 42 s (2026-11-23 08:00 UTC)"),
        (1405, "in about 23 min (2026-11-23 08:23 UTC)"),
        (7_800, "in about 2 h 10 min (2026-11-23 10:10 UTC)"),
    ):
        assert ahead(now + timedelta(seconds=seconds), now) == text


def test_a_moment_on_the_clock_of_a_place() -> None:
    moment = datetime(2026, 11, 23, 20, 30, tzinfo=UTC)
    assert when_in("UTC", moment) == "2026-11-23 20:30 UTC"
    assert when_in("Europe/Paris", moment) == "2026-11-23 21:30 Europe/Paris (20:30 UTC)"
    assert when_in("Asia/Tokyo", moment) == "2026-11-24 05:30 Asia/Tokyo (2026-11-23 20:30 UTC)"
