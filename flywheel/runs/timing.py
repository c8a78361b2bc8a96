"""The steps of runs as the timetable takes them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple, Protocol

from flywheel.runs.graph import EVALUATIONS, TERMINAL, needed_by
from flywheel.scheduling.packing import Demand
from flywheel.scheduling.timetable import Gate, Planned


class TimedStep(Protocol):
    """What timing looks at."""

    @property
    def kind(self) -> str: ...
    @property
    def candidate(self) -> str: ...


def key_of(run: str, step: TimedStep) -> str:
    """Names a step among those of all runs."""
    return f"{run}|{step.kind}|{step.candidate}"


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
    stands: Mapping[tuple[str, str], Stand] | None = None,
) -> list[Planned]:
    """Those that have not ended, with what they need of the others; see `timetable`.

    `stands` has the steps of a run that goes on, by kind and candidate. A deployment that serves
    is among the planned: it holds its part until it is taken down.
    """
    stand = {
        (s.kind, s.candidate): (stands or {}).get((s.kind, s.candidate), Stand("pending"))
        for s in steps
    }
    left = {names for names, one in stand.items() if one.status not in TERMINAL}
    planned = []
    for step in steps:
        names = step.kind, step.candidate
        until: list[tuple[str, str]] = []
        if step.kind == "deploy":
            kinds = EVALUATIONS | {"undeploy"}
            until = [(k, c) for k, c in left if c == step.candidate and k in kinds]
        serves = bool(until) and stand[names].status == "completed"
        if names not in left and not serves:
            continue
        planned.append(
            Planned(
                key=key_of(run, step),
                needs=tuple(
                    key_of(run, need)
                    for need in needed_by(step, steps)
                    if (need.kind, need.candidate) in left
                ),
                seconds=0.0 if serves else seconds(step),
                demand=demand(step),
                held_until=tuple(f"{run}|{kind}|{candidate}" for kind, candidate in until),
                priority=priority,
                asked_at=asked_at,
                elapsed=0.0 if serves else stand[names].elapsed,
                waited=stand[names].waited,
            )
        )
    return planned


def training_first(planned: Iterable[Planned]) -> Gate:
    """The gate of deployments: each leaves the room to its own fine-tuning, in the same pool."""
    demands = {step.key: step.demand for step in planned}
    training = {}
    for key, demand in demands.items():
        run, kind, candidate = key.split("|", 2)
        own = f"{run}|customize|{candidate}"
        if kind == "deploy" and own in demands and demands[own].pool == demand.pool:
            training[key] = own

    def gate(key: str, running: AbstractSet[str], done: AbstractSet[str]) -> bool:
        own = training.get(key)
        return own is None or own in running or own in done

    return gate
