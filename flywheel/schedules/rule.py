"""When a schedule is due: by the calendar of a place, or by the records that have come in. Pure."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim
from pydantic import BaseModel, Field, TypeAdapter

from flywheel.formatting import count


class CalendarRule(BaseModel):
    """Moments on the clock of a place."""

    kind: Literal["calendar"] = "calendar"
    cron: str = Field(description="Five fields, read on that clock")
    zone: str = Field(description="IANA name")
    words: str = Field(description="The same for people: 'every Monday at 06:00 Europe/London'")


class RecordsRule(BaseModel):
    """So many records of the workload since its last run."""

    kind: Literal["records"] = "records"
    records: int = Field(ge=1)

    @property
    def words(self) -> str:
        """The same for people."""
        return f"when {count(self.records)} new record{'' if self.records == 1 else 's'}"


Rule = Annotated[CalendarRule | RecordsRule, Field(discriminator="kind")]
_RULE: TypeAdapter[CalendarRule | RecordsRule] = TypeAdapter(Rule)


def stored_rule(stored: object) -> CalendarRule | RecordsRule:
    """A rule as it lies in the database."""
    return _RULE.validate_python(stored)


def next_due(rule: CalendarRule, after: datetime) -> datetime:
    """The first moment of the rule after `after`, in UTC.

    A time that the clock leaves out in spring is due as soon as the clock goes on; one that comes
    twice in autumn is due the first time. What is due every so many hours or minutes follows
    every hour that there is, so also the one that comes twice.
    """
    moments = CronSim(rule.cron, after.astimezone(ZoneInfo(rule.zone)))
    while (moment := next(moments).astimezone(UTC)) <= after:
        # From within the hour that comes twice, the first of both lies behind.
        pass
    return moment
