"""What a run waits for, and when it should end, in lines."""

from datetime import datetime

from flywheel.formatting import ahead
from flywheel.views import RunView


def schedule_lines(view: RunView, now: datetime) -> list[str]:
    """A line for each step that has asked for room, and one for the end of the run."""
    lines = []
    for step in view.steps:
        if step.status == "pending" and step.message:
            start = step.expected_start
            when = "" if start is None else f"; it should start {ahead(start, now)}"
            named = filter(None, (step.candidate, step.kind, str(step.trial or "")))
            lines.append(f"{' '.join(named)} {step.message}{when}")
    if view.expected_end is not None:
        lines.append(f"The run should end {ahead(view.expected_end, now)}.")
    return lines
