"""The words of a rule, one by one: days, times of day, places."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from zoneinfo import available_timezones

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
GROUPS = {"weekday": "1-5", "weekend": "6,0"}
TIMES = {"midnight": (0, 0), "noon": (12, 0), "midday": (12, 0)}

_CLOCK = re.compile(r"([0-9]{1,2})(?:[:.h]([0-9]{2}))?\s*(am|pm)?")
_ORDINAL = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th)?")


def nearest(word: str, known: Iterable[str]) -> str:
    """'Did you mean X? ' where one of the known words is close, else nothing."""
    close = get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return f"Did you mean {close[0]}? " if close else ""


def day(word: str) -> int | None:
    """The day of the week, Sunday being 0: 'mon', 'monday' and 'mondays' are 1."""
    word = word.removesuffix("s") if len(word) > 4 else word
    if len(word) < 3:
        return None
    found = [i for i, name in enumerate(DAYS) if name.startswith(word)]
    return (found[0] + 1) % 7 if found else None


def clock(word: str) -> tuple[int, int] | None:
    """The time of day: '6:00', '06.30', '6am', 'noon'; not a number alone."""
    if word in TIMES:
        return TIMES[word]
    match = _CLOCK.fullmatch(word)
    if match is None or (match[2] is None and match[3] is None):
        return None
    hour, minute = int(match[1]), int(match[2] or 0)
    if match[3] is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match[3] == "pm" else 0)
    return (hour, minute) if hour < 24 and minute < 60 else None


def looks_like_a_time(word: str) -> bool:
    """Whether somebody meant a time of day, also where there is none such: '25:00'."""
    return _CLOCK.fullmatch(word) is not None and not word.isdigit()


def ordinal(word: str) -> int | None:
    """The day of the month: '1', '1st', '22nd'."""
    match = _ORDINAL.fullmatch(word)
    return int(match[1]) if match and 1 <= int(match[1]) <= 31 else None


@cache
def _zones() -> dict[str, str]:
    """Every place by its name in small letters, and by its city where only one has that name."""
    names = [name for name in available_timezones() if name not in {"Factory", "localtime"}]
    cities: dict[str, set[str]] = {}
    for name in names:
        if "/" in name and not name.startswith(("Etc/", "posix/", "right/", "US/", "SystemV/")):
            cities.setdefault(name.rpartition("/")[2].lower(), set()).add(name)
    alone = {city: next(iter(found)) for city, found in cities.items() if len(found) == 1}
    return {**alone, **{name.lower(): name for name in names}, "z": "UTC"}


def zone(word: str) -> str | None:
    """The place whose clock is meant: 'Europe/London', 'london', 'utc'."""
    return _zones().get(word.lower().replace(" ", "_"))


def nearest_zone(word: str) -> str:
    """'Did you mean Europe/London? ' for a place that is not known as it was written."""
    close = get_close_matches(word.lower(), list(_zones()), n=1, cutoff=0.6)
    return f"Did you mean {_zones()[close[0]]}? " if close else ""
