"""What people type as a rule, and what they are told of what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel.errors import InvalidInputError
from flywheel.schedules.parsing import FORMS, parse_rule
from flywheel.schedules.rule import CalendarRule, RecordsRule, stored_rule


@pytest.mark.parametrize(
    ("typed", "cron", "words"),
    [
        ("every monday 06:00 Europe/London", "0 6 * * 1", "Monday at 06:00 Europe/London"),
        ("Mondays, and thursdays at 6 pm london", "0 18 * * 1,4",
         "Monday and Thursday at 18:00 Europe/London"),
        ("every sun,mon noon", "0 12 * * 1,0", "Monday and Sunday at 12:00 UTC"),
        ("every day 6:00", "0 6 * * *", "day at 06:00 UTC"),
        ("daily 6.30am", "30 6 * * *", "day at 06:30 UTC"),
        ("every weekday", "0 6 * * 1-5", "weekday at 06:00 UTC"),
        ("every weekend 12am", "0 0 * * 6,0", "weekend at 00:00 UTC"),
        ("weekly", "0 6 * * 1", "Monday at 06:00 UTC"),
        ("every week on tuesday 8:00", "0 8 * * 2", "Tuesday at 08:00 UTC"),
        ("every 2 hours", "0 */2 * * *", "2 hours, UTC"),
        ("hourly asia/kolkata", "0 */1 * * *", "hour, Asia/Kolkata"),
        ("every 30 min", "*/30 * * * *", "30 minutes, UTC"),
        ("every month on the 1st 07:00", "0 7 1 * *", "month on the 1st at 07:00 UTC"),
        ("every month on the 22nd", "0 6 22 * *", "month on the 22nd at 06:00 UTC"),
        ("on the last day of every month", "0 6 L * *", "month on the last day at 06:00 UTC"),
        ("monthly 9:00 America/New_York", "0 9 1 * *",
         "month on the 1st at 09:00 America/New_York"),
    ],
)  # fmt: skip
def test_moments(typed: str, cron: str, words: str) -> None:
    rule = parse_rule(typed)
    assert isinstance(rule, CalendarRule)
    assert (rule.cron, rule.words) == (cron, f"every {words}")
    assert stored_rule(rule.model_dump(mode="json")) == rule


@pytest.mark.parametrize(
    ("typed", "records"),
    [
        ("when 5000 new records", 5000),
        ("When there are 5,000 new records.", 5000),
        ("after 5k records", 5000),
        ("every 200 records", 200),
    ],
)
def test_records(typed: str, records: int) -> None:
    rule = parse_rule(typed)
    assert rule == RecordsRule(records=records)
    assert stored_rule(rule.model_dump(mode="json")) == rule


@pytest.mark.parametrize(
    ("typed", "problem", "near"),
    [
        ("every mnday 6:00", "'mnday'", "Did you mean monday?"),
        ("every wekday", "'wekday'", "Did you mean weekday?"),
        ("every monday 6:00 Europe/Londn", "'europe/londn'", "Did you mean Europe/London?"),
        ("every monday 6:00 londn", "'londn'", "Did you mean Europe/London?"),
        ("when 5000 new recrods", "'recrods'", "Did you mean records?"),
        ("every monday 25:00", "'25:00' is no time of day", ""),
        ("every day 6:00 and 7:00", "one time of day only", ""),
        ("every day 6", "'6'; a time of day is written 6:00", ""),
        ("every 5 hours", "these do: 1, 2, 3, 4, 6, 8, 12", ""),
        ("every 0 hours", "Every 0 hours", ""),
        ("every 1 minutes", "these do: 5, 6, 10", ""),
        ("every month on the 31st", "Not every month has a day 31", "Say `every month on the"),
        ("every month on the 0", "has a day 0", ""),
        ("every last friday", "Only a month has a last day", ""),
        ("every monday every month", "more than one rule", ""),
        ("every hour 6:00", "has no time of day", ""),
        ("6:00", "On which days", ""),
        ("when new records", "How many", ""),
        ("when 0 new records", "from 1 to", ""),
        ("every day 6:00 mars/olympus", "no time zone 'mars/olympus'", ""),
        ("   ", "Say when", ""),
        ("every ² days", "'²'", ""),
    ],
)
def test_what_is_no_rule_is_answered(typed: str, problem: str, near: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_rule(typed)
    assert problem in caught.value.message
    assert caught.value.hint.startswith(near)
    assert "every monday 06:00 Europe/London" in caught.value.hint


_WORDS = [*" ".join(FORMS).split(), *"last day ² 99999999999 0 25:00 / 5,000".split()]


@given(st.one_of(st.text(), st.lists(st.sampled_from(_WORDS), max_size=7).map(" ".join)))
def test_any_text_is_a_rule_or_a_sentence(text: str) -> None:
    try:
        rule = parse_rule(text)
    except InvalidInputError:
        return
    assert parse_rule(rule.words) == rule, "what it is called means the same"
