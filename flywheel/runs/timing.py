"""The steps of runs as the timetable takes them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from flywheel.runs.graph import EVALUATIONS, TERMINAL, TRAININGS, needed_by
from flywheel.scheduling.packing import Demand
from flywheel.scheduling.timetable import Planned


class TimedStep(Protocol):
    """What timing looks at."""

    @property
    def kind(self) -> str: ...
    @property
    def candidate(self) -> str: ...
    @property
    def trial(self) -> int: ...


def key_of(run: str, step: TimedStep) -> str:
    """Names a step among those of all runs."""
    return f"{run}|{step.kind}|{step.trial}|{step.candidate}"


def named(key: str) -> tuple[str, str, str]:
    """Run, kind and candidate of such a key."""
    run, kind, _, candidate = key.split("|", 3)
    return run, kind, candidate


def planned_steps(
    run: str,
    steps: Sequence[TimedStep],
    seconds: Callable[[TimedStep], float],
    demand: Callable[[TimedStep], Demand],
    *,
    priority: int = 0,
    asked_at: float = 0.0,
    stands: Mapping[str, str] | None = None,
    started: Mapping[str, datetime] | None = None,
    now: datetime | None = None,
) -> list[Planned]:
    """Those that have not ended, with what they need of the others; see `timetable`.

    `stands` and `started` are the status and the start of the steps of a run that goes on, by
    `key_of`; a deployment that serves holds its part until its last evaluation ends.
    """
    status = stands or {}
    begun = started or {}
    left = [s for s in steps if status.get(key_of(run, s), "pending") not in TERMINAL]
    keys = {key_of(run, s) for s in left}
    planned = []
    for step in left:
        since = begun.get(key_of(run, step))
        evaluations = [s for s in left if s.candidate == step.candidate and s.kind in EVALUATIONS]
        planned.append(
            Planned(
                key=key_of(run, step),
                needs=tuple(
                    key for need in needed_by(step, steps) if (key := key_of(run, need)) in keys
                ),
                seconds=seconds(step),
                demand=demand(step),
                held_until=tuple(key_of(run, s) for s in evaluations)
                if step.kind == "deploy"
                else (),
                priority=priority,
                asked_at=asked_at,
                elapsed=None if since is None or now is None else (now - since).total_seconds(),
            )
        )
    return planned


def training_first(
    key: str, running: frozenset[str], done: frozenset[str], keys: frozenset[str]
) -> bool:
    """Whether a step may be considered: a deployment leaves the room to its own fine-tuning."""
    run, kind, candidate = named(key)
    if kind != "deploy":
        return True
    begun = running | done
    return all(
        other in begun
        for other in keys
        if (of := named(other))[1] in TRAININGS and (of[0], of[2]) == (run, candidate)
    )
