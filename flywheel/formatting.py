"""Numbers as people read them; the same words in Slack, on the command line and in answers."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Protocol
from zoneinfo import ZoneInfo

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


class IntervalLike(Protocol):
    """A number with its bounds (`flywheel.evaluation.scores.Interval`)."""

    @property
    def value(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def confidence(self) -> float: ...


def score(interval: IntervalLike, n: int) -> str:
    """A score with its interval and its n: '0.874 (95 % 0.842–0.903, n 400)'."""
    bounds = f"{interval.low:.3f}–{interval.high:.3f}"
    return f"{interval.value:.3f} ({percent(interval.confidence)} {bounds}, n {count(n)})"


def money(amount: Decimal, currency: str) -> str:
    """An amount with its currency: '1,204.00 USD', '0.25 USD', '0.00231 USD'.

    Two decimals; below one unit three significant digits, because a thousand requests to a
    small model often cost a fraction of a cent.
    """
    if amount == 0 or abs(amount) >= 1:
        return f"{amount:,.2f} {currency}"
    places = 2 - amount.adjusted()  # 0.00231 is adjusted -3: five decimals
    whole, decimals = f"{amount:.{places}f}".split(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')} {currency}"


def duration(seconds: float) -> str:
    """A span of time: '3.1 ms', '0.42 s', '12 s', '3 min 5 s', '2 h 10 min', '1 d 4 h'."""
    if seconds < 0:
        return "-" + duration(-seconds)
    if 0 < seconds < 0.1:
        milliseconds = seconds * 1000
        return f"{milliseconds:.2g} ms" if milliseconds < 9.5 else f"{milliseconds:.0f} ms"
    if seconds < 9.995:
        return f"{seconds:.2f}".rstrip("0").rstrip(".") + " s"
    return _two_largest_units(round(seconds))


def _two_largest_units(seconds: int) -> str:
    first = next(i for i, (_, size) in enumerate(_UNITS) if seconds >= size)
    parts = []
    for name, size in _UNITS[first : first + 2]:
        amount, seconds = divmod(seconds, size)
        if amount:
            parts.append(f"{amount} {name}")
    return " ".join(parts)


def percent(share: float) -> str:
    """A share (0 to 1) in percent: '95 %', '87.5 %', '0.04 %'; '100 %' only where it is all."""
    value = share * 100
    if 0 < abs(value) < 0.05:
        return f"{Decimal(f'{value:.1g}'):f} %"
    if 99.95 <= value < 100:
        return "over 99.9 %"
    return f"{value:.1f}".removesuffix(".0") + " %"


def count(n: int) -> str:
    """A whole number with thousands separators: '21,107'."""
    return f"{n:,}"


def ahead(moment: datetime, now: datetime) -> str:
    """When something is expected: 'in about 23 min (2026-11-23 08:27 UTC)', 'any moment now'."""
    seconds = (moment - now).total_seconds()
    if seconds < 1:
        return "any moment now"
    unit = 1 if seconds < 90 else 60
    return f"in about {duration(round(seconds / unit) * unit)} ({when(moment)})"


def when(moment: datetime) -> str:
    """A moment in UTC: '2026-11-23 08:27 UTC'."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def ordinal(n: int) -> str:
    """'1st', '2nd', '11th', '23rd'."""
    ending = "th" if n % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{count(n)}{ending}"


def when_in(zone: str, moment: datetime) -> str:
    """A moment on the clock of a place and in UTC: '2026-11-23 09:27 Europe/Paris (08:27 UTC)'."""
    there, utc = moment.astimezone(ZoneInfo(zone)), moment.astimezone(UTC)
    if zone == "UTC":
        return when(moment)
    same_day = there.date() == utc.date()
    return f"{there:%Y-%m-%d %H:%M} {zone} ({f'{utc:%H:%M} UTC' if same_day else when(utc)})"


def days(number: int) -> str:
    """'1 day', '12 days'."""
    return f"{count(number)} day{'' if number == 1 else 's'}"
