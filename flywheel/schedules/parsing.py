"""What people type, read as a rule: `every monday 06:00 Europe/London`, `when 5000 new records`.

Forgiving about case, order, short names, commas and small words. What it does not understand it
answers with the nearest word that it knows.
"""

import re
from dataclasses import dataclass, field

from flywheel.errors import InvalidInputError
from flywheel.schedules import words
from flywheel.schedules.rule import CalendarRule, RecordsRule

HOUR = 6  # where no time of day is given
LARGEST = 1_000_000_000
FORMS = (
    "every monday 06:00 Europe/London",
    "every weekday 7:30",
    "every day 6:00",
    "every 2 hours",
    "every month on the 1st 07:00",
    "when 5000 new records",
)

_SMALL_WORDS = frozenset({"every", "each", "on", "at", "the", "in", "and", "of", "time", "day"})
_PERIODS = {"daily": "day", "hourly": "hour", "weekly": "week", "monthly": "month"}
_UNITS = {"hour": 24, "minute": 60}
_SHORT = {"h": "hour", "hr": "hour", "min": "minute"}
_KNOWN = (
    *words.DAYS, *words.GROUPS, *words.TIMES, *_PERIODS, *_UNITS, *_SMALL_WORDS,
    "month", "week", "last", "when", "new", "records",
)  # fmt: skip
_SMALLEST_MINUTES = 5


def parse_rule(text: str) -> CalendarRule | RecordsRule:
    """The rule that the words mean. Raises InvalidInputError, saying how one is written."""
    tokens = _tokens(text)
    if not tokens:
        raise _misread("Say when it should start.")
    if tokens[0] in {"when", "after", "once"} or any(t.startswith("record") for t in tokens):
        return _records(tokens)
    return _Calendar().read(tokens)


def _tokens(text: str) -> list[str]:
    joined = re.sub(r"(\d)\s+(am|pm)\b", r"\1\2", " ".join(text.split()), flags=re.IGNORECASE)
    found = re.findall(r"(?:[^\s,]|(?<=\d),(?=\d{3}))+", joined.strip(" .\"'"))
    return [token.lower() for token in found]


def _misread(problem: str, near: str = "") -> InvalidInputError:
    return InvalidInputError(problem, f"{near}For example: {'; '.join(FORMS)}.")


def _records(tokens: list[str]) -> RecordsRule:
    number = None
    for token in tokens:
        digits = token.replace(",", "").replace("_", "")
        scale = {"k": 1000, "m": 1_000_000}.get(digits[-1:], 1)
        digits = digits[:-1] if scale > 1 else digits
        if digits.isascii() and digits.isdigit() and number is None:
            number = int(digits[:15]) * scale
        elif token.rstrip("s") not in {"when", "after", "once", "new", "more", "record", "there",
                                       "are", "every"}:  # fmt: skip
            known = ("when", "after", "new", "records")
            raise _misread(f"I do not understand '{token[:60]}'.", words.nearest(token, known))
    if number is None:
        raise _misread("How many new records?")
    if not 1 <= number <= LARGEST:
        raise _misread(f"The number of records must be from 1 to {LARGEST:,}.")
    return RecordsRule(records=number)


@dataclass
class _Calendar:
    """What the words read so far say."""

    time: tuple[int, int] | None = None
    zone: str | None = None
    days: list[int] = field(default_factory=list)
    group: str | None = None
    month_day: str | None = None
    period: str | None = None
    number: int | None = None
    _last: bool = False

    def read(self, tokens: list[str]) -> CalendarRule:
        for token in tokens:
            self._take(token)
        self._check()
        minute_hour, at = self._when()
        day_of_month, day_of_week, named = self._which()
        zone = self.zone or "UTC"
        return CalendarRule(
            cron=f"{minute_hour} {day_of_month} * {day_of_week}",
            zone=zone,
            words=f"every {named}{at or ','} {zone}",
        )

    def _take(self, word: str) -> None:
        singular = word.removesuffix("s")
        if (period := _PERIODS.get(word)) is not None:
            self._set_period(period, word)
        elif singular in {"month", "week", "day"} or _SHORT.get(singular, singular) in _UNITS:
            self._set_period(_SHORT.get(singular, singular), word)
        elif word == "last":
            self._last = True
        elif word in _SMALL_WORDS:
            pass
        elif singular in words.GROUPS:
            self.group = singular
        elif (day := words.day(word)) is not None:
            self.days.append(day)
        elif words.looks_like_a_time(word) or word in words.TIMES:
            self._set_time(word)
        elif words.ordinal(word) is not None or (word.isascii() and word.isdigit()):
            self._set_number(word)
        elif self.zone is None and (zone := words.zone(word)) is not None:
            self.zone = zone
        else:
            raise self._unknown(word)

    def _set_time(self, token: str) -> None:
        time = words.clock(token)
        if time is None:
            raise _misread(f"'{token[:60]}' is no time of day.")
        if self.time is not None:
            raise _misread("It can have one time of day only; make a schedule for each.")
        self.time = time

    def _set_period(self, period: str, token: str) -> None:
        if period == "day" and self.period == "month":
            return  # the last day of the month
        if self.period == "day" and period == "month" and self._last:
            self.period = None
        if self.period is not None:
            raise _misread(f"I do not understand '{token[:60]}' after '{self.period}'.")
        self.period = period

    def _set_number(self, token: str) -> None:
        if self.number is not None:
            raise _misread(f"I do not understand '{token[:60]}'.")
        day = words.ordinal(token)
        self.number = int(token[:9]) if day is None else day

    def _unknown(self, token: str) -> InvalidInputError:
        if "/" in token:
            return _misread(f"There is no time zone '{token[:60]}'.", words.nearest_zone(token))
        near = words.nearest(token, _KNOWN) or words.nearest_zone(token)
        return _misread(f"I do not understand '{token[:60]}'.", near)

    def _check(self) -> None:
        chosen = [bool(self.days), self.group is not None, self.period is not None]
        if self.period == "week" and self.days:
            chosen[2] = False
        if sum(chosen) > 1:
            raise _misread("That is more than one rule; make a schedule for each.")
        if not any(chosen):
            raise _misread("On which days, or how often?")
        if self._last and self.period != "month":
            raise _misread("Only a month has a last day here.")
        if self.period in _UNITS and self.time is not None:
            raise _misread(f"Every so many {self.period}s has no time of day.")
        if self.number is not None and self.period not in {"month", *_UNITS}:
            raise _misread(
                f"I do not understand '{self.number}'; a time of day is written 6:00 or 6am."
            )

    def _when(self) -> tuple[str, str]:
        """Minute and hour of the cron, and the words for them."""
        if self.period in _UNITS:
            size = _UNITS[self.period]
            number = 1 if self.number is None else self.number
            smallest = _SMALLEST_MINUTES if self.period == "minute" else 1
            if number < smallest or number < 1 or number >= size or size % number:
                fitting = [str(n) for n in range(smallest, size) if size % n == 0]
                whole = {"hour": "day", "minute": "hour"}[self.period]
                raise _misread(
                    f"Every {number} {self.period}s does not divide a {whole}; these do: "
                    f"{', '.join(fitting)}."
                )
            return (f"0 */{number}" if self.period == "hour" else f"*/{number} *"), ""
        hour, minute = self.time or (HOUR, 0)
        return f"{minute} {hour}", f" at {hour:02}:{minute:02}"

    def _which(self) -> tuple[str, str, str]:
        """Day of the month and of the week in the cron, and the words for them."""
        if self.period in _UNITS:
            number = 1 if self.number is None else self.number
            return "*", "*", self.period if number == 1 else f"{number} {self.period}s"
        if self.period == "month":
            return self._month()
        if self.group is not None:
            return "*", words.GROUPS[self.group], self.group
        if self.period == "day":
            return "*", "*", "day"
        days = sorted(set(self.days), key=lambda d: (d - 1) % 7) or [1]  # a week begins on Monday
        names = [words.DAYS[(d - 1) % 7].capitalize() for d in days]
        named = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
        return "*", ",".join(map(str, days)), named

    def _month(self) -> tuple[str, str, str]:
        if self._last:
            return "L", "*", "month on the last day"
        day = 1 if self.number is None else self.number
        if not 1 <= day <= 28:
            raise _misread(
                f"Not every month has a day {day}.", "Say `every month on the last day`. "
            )
        ending = {1: "st", 2: "nd", 3: "rd"}.get(day % 10 if day not in {11, 12, 13} else 0, "th")
        return str(day), "*", f"month on the {day}{ending}"
