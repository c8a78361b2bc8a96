"""The steps of runs as the timetable takes them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple, Protocol

from flywheel.runs.graph import EVALUATIONS, TERMINAL, TRAININGS, needed_by
from flywheel.scheduling.packing import Demand, Pool
from flywheel.scheduling.timetable import Gate, Planned


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


class Stand(NamedTuple):
    """How a step of a run that goes on stands, in seconds."""

    status: str
    elapsed: float | None = None  # since its start; None where it has not started
    waited: float = 0.0  # since it could have started


def planned_steps(
    run: str,
    steps: Sequence[TimedStep],
    seconds: Callable[[TimedStep], float],
    demand: Callable[[TimedStep], Demand],
    *,
    priority: int = 0,
    asked_at: float = 0.0,
    stands: Mapping[str, Stand] | None = None,
) -> list[Planned]:
    """Those that have not ended, with what they need of the others; see `timetable`.

    `stands` has the steps of a run that goes on, by `key_of`. A deployment that serves is among
    the planned: it holds its part until it is taken down.
    """
    stand = {
        key: (stands or {}).get(key, Stand("pending")) for key in (key_of(run, s) for s in steps)
    }
    left = {key for key, one in stand.items() if one.status not in TERMINAL}
    planned = []
    for step in steps:
        key = key_of(run, step)
        until: list[str] = []
        if step.kind == "deploy":
            after = EVALUATIONS | {"undeploy"}
            until = [
                key_of(run, s) for s in steps if s.candidate == step.candidate and s.kind in after
            ]
        serves = stand[key].status == "completed" and any(other in left for other in until)
        if key not in left and not serves:
            continue
        planned.append(
            Planned(
                key=key,
                needs=tuple(
                    need
                    for need in (key_of(run, s) for s in needed_by(step, steps))
                    if need in left
                ),
                seconds=0.0 if serves else seconds(step),
                demand=demand(step),
                held_until=tuple(other for other in until if other in left),
                priority=priority,
                asked_at=asked_at,
                elapsed=0.0 if serves else stand[key].elapsed,
                waited=stand[key].waited,
            )
        )
    return planned


def training_first(planned: Iterable[Planned]) -> Gate:
    """The gate of deployments: each leaves the room to its own fine-tuning, in the same pool."""
    trainings: dict[tuple[str, str, Pool], list[str]] = defaultdict(list)
    pools = {}
    for step in planned:
        run, kind, candidate = named(step.key)
        pools[step.key] = step.demand.pool
        if kind in TRAININGS:
            trainings[run, candidate, step.demand.pool].append(step.key)

    def gate(key: str, running: AbstractSet[str], done: AbstractSet[str]) -> bool:
        run, kind, candidate = named(key)
        own = trainings.get((run, candidate, pools[key]), []) if kind == "deploy" else []
        return all(other in running or other in done for other in own)

    return gate
