"""Due times on real clocks, against an account of our own that knows no cron."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flywheel.schedules.parsing import parse_rule
from flywheel.schedules.rule import CalendarRule, next_due
from flywheel.schedules.words import DAYS

# With every kind of change: an hour, half an hour, at midnight, in the south, and none at all.
ZONES = (
    "UTC", "Europe/London", "Europe/Berlin", "America/New_York", "America/St_Johns",
    "Australia/Lord_Howe", "Africa/Cairo", "America/Havana", "Asia/Beirut", "Asia/Kolkata",
    "Pacific/Chatham", "America/Santiago",
)  # fmt: skip
MINUTE = timedelta(minutes=1)

moments = st.datetimes(
    datetime(2024, 1, 1),  # noqa: DTZ001
    datetime(2037, 12, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
zones = st.sampled_from(ZONES)
times = st.times().map(lambda t: time(t.hour, t.minute))


def rule(text: str) -> CalendarRule:
    parsed = parse_rule(text)
    assert isinstance(parsed, CalendarRule)
    return parsed


def on_the_clock(day: date, at: time, zone: str) -> datetime:
    """When a clock there first shows that time, or has just left it out."""
    place = ZoneInfo(zone)
    local = datetime.combine(day, at, place)
    moment = local.astimezone(UTC)
    if moment.astimezone(place).replace(tzinfo=None) == local.replace(tzinfo=None):
        return moment
    # It is left out: search for the minute at which the clock goes on.
    begin = datetime.combine(day, at, UTC) - timedelta(hours=30)
    while (begin.astimezone(place).replace(tzinfo=None)) < local.replace(tzinfo=None):
        begin += MINUTE
    return begin


@given(moments, zones, times, st.sets(st.sampled_from(DAYS), min_size=1))
@example(datetime(2026, 3, 29, 0, 30, tzinfo=UTC), "Europe/London", time(1, 30), {"sunday"})
@example(datetime(2026, 10, 25, 1, 10, tzinfo=UTC), "Europe/London", time(1, 30), {"sunday"})
@example(datetime(2026, 10, 25, 0, 29, tzinfo=UTC), "Europe/London", time(1, 30), {"sunday"})
@example(datetime(2026, 10, 24, 12, 0, tzinfo=UTC), "Europe/London", time(1, 30), set(DAYS))
def test_days_of_the_week(after: datetime, zone: str, at: time, days: set[str]) -> None:
    due = next_due(rule(f"every {','.join(sorted(days))} {at:%H:%M} {zone}"), after)
    day = after.astimezone(ZoneInfo(zone)).date() - timedelta(days=1)
    while True:
        if DAYS[day.weekday()] in days and (expected := on_the_clock(day, at, zone)) > after:
            break
        day += timedelta(days=1)
    assert due == expected


@given(moments, zones, times, st.integers(1, 28) | st.just("last day"))
def test_days_of_the_month(after: datetime, zone: str, at: time, which: int | str) -> None:
    due = next_due(rule(f"every month on the {which} {at:%H:%M} {zone}"), after)
    day = after.astimezone(ZoneInfo(zone)).date() - timedelta(days=1)
    while True:
        last = (day + timedelta(days=1)).day == 1
        right = last if which == "last day" else day.day == which
        if right and (expected := on_the_clock(day, at, zone)) > after:
            break
        day += timedelta(days=1)
    assert due == expected


@given(moments, zones, st.sampled_from([1, 2, 3, 4, 6, 8, 12]))
@example(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "Europe/London", 1)
@example(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "Europe/Berlin", 2)
@example(datetime(2026, 3, 29, 0, 30, tzinfo=UTC), "Europe/Berlin", 2)
def test_every_so_many_hours(after: datetime, zone: str, hours: int) -> None:
    due = next_due(rule(f"every {hours} hours {zone}"), after)
    moment = after.replace(second=0, microsecond=0)
    while moment <= after or moment.astimezone(ZoneInfo(zone)).minute or (
        moment.astimezone(ZoneInfo(zone)).hour % hours
    ):  # fmt: skip
        moment += MINUTE
    assert due == moment


@given(
    moments,
    st.sampled_from(
        ["every day 01:30", "every 2 hours", "every 30 minutes", "every weekday 02:15", "monthly"]
    ),
    zones,
)
@example(datetime(2026, 10, 24, 12, 0, tzinfo=UTC), "every day 01:30", "Europe/London")
@example(datetime(2026, 3, 28, 12, 0, tzinfo=UTC), "every day 01:30", "Europe/London")
def test_it_only_ever_moves_on(after: datetime, text: str, zone: str) -> None:
    parsed = rule(f"{text} {zone}")
    for _ in range(60):
        due = next_due(parsed, after)
        assert due > after
        assert due.tzinfo is UTC
        after = due


@pytest.mark.parametrize(
    ("after", "due"),
    [
        # 29 March 2026: 01:00 GMT becomes 02:00 BST; 01:30 is left out, due as the clock goes on.
        (datetime(2026, 3, 28, 12, 0, tzinfo=UTC), datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), datetime(2026, 3, 30, 0, 30, tzinfo=UTC)),
        # 25 October 2026: 01:30 comes twice and counts the first time.
        (datetime(2026, 10, 24, 12, 0, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 26, 1, 30, tzinfo=UTC)),
    ],
)
def test_when_the_clocks_change_in_london(after: datetime, due: datetime) -> None:
    assert next_due(rule("every day 01:30 Europe/London"), after) == due
