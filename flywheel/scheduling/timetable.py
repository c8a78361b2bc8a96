"""What a schedule will look like: every step with its expected start and end. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from flywheel.scheduling.packing import NOTHING, Demand, Pool, Waiting, admit

PATIENCE = 900.0


class Planned(NamedTuple):
    """A step to be timed."""

    key: str
    needs: tuple[str, ...]  # keys of the steps that have to end before it
    seconds: float  # how long it takes, as expected
    demand: Demand = NOTHING
    held_until: tuple[str, ...] = ()  # its demand is held until these have ended as well
    priority: int = 0
    asked_at: float = 0.0  # seconds; of its run
    elapsed: float | None = None  # seconds that it has run already; None where it has not started


class Timed(NamedTuple):
    """When a step goes on, in seconds from now, and until when it holds its demand."""

    key: str
    start: float
    end: float
    released: float
    demand: Demand


def timetable(
    steps: Iterable[Planned],
    budget: Mapping[Pool, int],
    patience: float = PATIENCE,
    gate: Callable[[str, frozenset[str], frozenset[str]], bool] = lambda _key, _running, _done: (
        True
    ),
) -> list[Timed]:
    """Simulate the packing of `admit`, event by event. By start, then key.

    `gate` may hold a step back although what it needs has ended: it is told the step, what
    runs and what is done. Steps that can never start (a demand larger than its pool, a need that
    is not among them) are left out.
    """
    plan = {step.key: step for step in steps}
    chains = chain_lengths(plan.values())
    running: dict[str, float] = {}  # key → end
    started: dict[str, float] = {}
    done: dict[str, float] = {}
    ready_since: dict[str, float] = {}
    for step in plan.values():
        if step.elapsed is not None:
            started[step.key] = -step.elapsed
            running[step.key] = max(step.seconds - step.elapsed, 0.0)
    now = 0.0
    while True:
        ready = [
            step
            for step in plan.values()
            if step.key not in started and all(need in done for need in step.needs)
        ]
        waiting = [
            Waiting(
                step.key,
                step.demand,
                step.priority,
                now - step.asked_at,
                chains[step.key],
                now - ready_since.setdefault(step.key, now),
            )
            for step in ready
            if gate(step.key, frozenset(running), frozenset(done))
        ]
        admitted = admit(waiting, _held(plan, started, done), budget, patience)
        for key in admitted:
            started[key] = now
            running[key] = now + plan[key].seconds
        if admitted:
            continue  # what has just started may open the gate for others
        if not running:
            break
        now = min(running.values())
        for key in [key for key, end in running.items() if end <= now]:
            done[key] = running.pop(key)
    return sorted(
        (
            Timed(
                key,
                started[key],
                end,
                max((done.get(other, end) for other in plan[key].held_until), default=end),
                plan[key].demand,
            )
            for key, end in done.items()
        ),
        key=lambda timed: (timed.start, timed.key),
    )


def chain_lengths(steps: Iterable[Planned]) -> dict[str, float]:
    """For each step the seconds from its start to the end of the longest chain that needs it."""
    plan = {step.key: step for step in steps}
    after: dict[str, list[str]] = {key: [] for key in plan}
    for step in plan.values():
        for need in step.needs:
            if need in after:
                after[need].append(step.key)
    lengths: dict[str, float] = {}

    def length(key: str) -> float:
        if key not in lengths:
            lengths[key] = plan[key].seconds + max(map(length, after[key]), default=0.0)
        return lengths[key]

    for key in plan:
        length(key)
    return lengths


def gpu_seconds(timed: Sequence[Timed]) -> float:
    """What the steps hold, times how long."""
    return sum(step.demand.amount * (step.released - step.start) for step in timed)


def _held(
    plan: Mapping[str, Planned], started: Mapping[str, float], done: Mapping[str, float]
) -> Counter[Pool]:
    held: Counter[Pool] = Counter()
    for key in started:
        step = plan[key]
        ended = key in done and all(other in done or other not in plan for other in step.held_until)
        if not ended:
            held[step.demand.pool] += step.demand.amount
    return held
