"""Schedules in words: the same on the command line and in Slack."""

from flywheel.formatting import count, when, when_in
from flywheel.views import ScheduleView


def next_run(view: ScheduleView) -> str:
    """When its next run starts: on its own clock and in UTC, or how many records have come in."""
    if view.paused:
        return "paused"
    if view.records is not None:
        there = "?" if view.new_records is None else count(view.new_records)
        return f"{there} of {count(view.records)} new records"
    if view.next_due is None or view.zone is None:
        return "not known"
    return when_in(view.zone, view.next_due)


def trouble(view: ScheduleView) -> list[str]:
    """What went wrong since it started a run, one sentence each."""
    found = []
    if view.skipped is not None and (view.last_fired is None or view.skipped > view.last_fired):
        found.append(f"It started no run at {when(view.skipped)}: the one before still went on.")
    if view.error:
        found.append(f"It could not start a run: {view.error}")
    return found
