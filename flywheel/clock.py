"""Time, always as aware UTC."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


def from_epoch(seconds: float) -> datetime:
    """The moment that a record's `timestamp` (epoch seconds) names."""
    return datetime.fromtimestamp(seconds, UTC)
