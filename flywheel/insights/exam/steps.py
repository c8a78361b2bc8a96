"""The steps of the runs of the examination."""

from collections.abc import Iterator
from datetime import datetime

from flywheel.db.models import Step
from flywheel.insights.exam.story import RunOf

_LAST = ("decide", "summarise", "receipt")
_HALF_DONE = 62.0  # percent


def steps_of(
    number: int, run: RunOf, incumbent: bool, started: datetime, finished: datetime | None
) -> list[Step]:
    """The run's steps as they stand; those of a completed run one after the other, equally long."""
    plan = list(_plan(run, incumbent))
    steps = []
    for place, (kind, candidate) in enumerate(plan):
        step = Step(
            run_id=number,
            kind=kind,
            candidate=candidate,
            status=_status(run, place, kind, candidate),
            external_name=f"fw-exam-{number:02d}-{candidate}-{kind}",
        )
        if step.status in {"completed", "failed"} and finished is not None:
            share = (finished - started) / len(plan)
            step.started_at, step.finished_at = (
                started + place * share,
                started + (place + 1) * share,
            )
            step.launched, step.percent = True, 100.0
        if step.status == "failed":
            step.error = _error(run, candidate)
        if run.status == "running" and step.status in {"completed", "running"}:
            step.started_at, step.launched = started, True
            step.finished_at = started if step.status == "completed" else None
            step.percent = 100.0 if step.status == "completed" else _HALF_DONE
        steps.append(step)
    return steps


def _plan(run: RunOf, incumbent: bool) -> Iterator[tuple[str, str]]:
    yield "build-datasets", ""
    if incumbent:
        yield "incumbent-eval", ""
    for kind in ("customize", "base-eval", "customized-eval"):
        for candidate in run.candidates:
            yield kind, candidate.name
    for kind in _LAST:
        yield kind, ""


def _status(run: RunOf, place: int, kind: str, candidate: str) -> str:
    match run.status:
        case "completed":
            failed = next((c.failed for c in run.candidates if c.name == candidate), None)
            if failed is None:
                return "completed"
            return "failed" if kind == "customize" else "skipped"
        case "failed":
            return "failed" if place == 0 else "skipped"
        case "cancelled":
            return "completed" if place == 0 else "cancelled"
        case "running":
            return (
                "completed"
                if place == 0
                else "running"
                if kind == "incumbent-eval"
                else (
                    "running"
                    if candidate == run.candidates[0].name and kind == "customize"
                    else "pending"
                )
            )
    return "pending"


def _error(run: RunOf, candidate: str) -> str | None:
    return next((c.failed for c in run.candidates if c.name == candidate), None) or run.error
