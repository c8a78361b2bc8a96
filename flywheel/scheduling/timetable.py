"""What a schedule will look like: every step with its expected start and end. Pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
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
    waited: float = 0.0  # seconds since it could have started


class Timed(NamedTuple):
    """When a step goes on, in seconds from now, and until when it holds its demand."""

    key: str
    start: float
    end: float
    released: float
    demand: Demand


# Whether a step may be considered; is told the step, what runs and what is done.
Gate = Callable[[str, AbstractSet[str], AbstractSet[str]], bool]


def timetable(
    steps: Iterable[Planned],
    budget: Mapping[Pool, int],
    patience: float = PATIENCE,
    gate: Gate = lambda _key, _running, _done: True,
) -> list[Timed]:
    """Simulate the packing of `admit`, event by event. By start, then key.

    `gate` may hold a step back although what it needs has ended. Steps that can never start (a
    demand larger than its pool, a need that is not among them) are left out.
    """
    simulation = _Simulation({step.key: step for step in steps}, budget, patience, gate)
    simulation.run()
    return simulation.timed()


class _Simulation:
    """Looks at a step again only where something of it may have changed: views show the result."""

    def __init__(
        self, plan: Mapping[str, Planned], budget: Mapping[Pool, int], patience: float, gate: Gate
    ) -> None:
        self._plan, self._budget, self._patience, self._gate = plan, budget, patience, gate
        self._chains = chain_lengths(plan.values())
        self._now = 0.0
        self._running: dict[str, float] = {}  # key → end
        self._started: dict[str, float] = {}
        self._done: dict[str, float] = {}
        self._ready: dict[str, float] = {}  # key → since when
        self._missing = {step.key: set(step.needs) for step in plan.values()}
        self._holds = {
            step.key: {step.key, *(key for key in step.held_until if key in plan)}
            for step in plan.values()
        }
        self._needed_by, self._held_for = _inverse(self._missing), _inverse(self._holds)
        self._held: Counter[Pool] = Counter()

    def run(self) -> None:
        """To the end of all that can start."""
        for step in self._plan.values():
            if step.elapsed is not None:
                self._start(step, -step.elapsed)
            elif not self._missing[step.key]:
                self._ready[step.key] = -step.waited
        while True:
            while self._admit():
                pass  # what has just started may open the gate for others
            if not self._running:
                break
            self._now = min(self._running.values())
            for key in [key for key, end in self._running.items() if end <= self._now]:
                self._end(key)

    def timed(self) -> list[Timed]:
        """What ended."""
        found = [
            Timed(
                key,
                self._started[key],
                end,
                max(end, *(self._done.get(other, end) for other in self._plan[key].held_until))
                if self._plan[key].held_until
                else end,
                self._plan[key].demand,
            )
            for key, end in self._done.items()
        ]
        return sorted(found, key=lambda timed: (timed.start, timed.key))

    def _admit(self) -> bool:
        full = {pool for pool, most in self._budget.items() if self._held[pool] >= most}
        waiting = [
            Waiting(
                key,
                step.demand,
                step.priority,
                self._now - step.asked_at,
                self._chains[key],
                self._now - since,
            )
            for key, since in self._ready.items()
            for step in [self._plan[key]]
            if not (step.demand.amount and step.demand.pool in full)
            and self._gate(key, self._running.keys(), self._done.keys())
        ]
        admitted = admit(waiting, self._held, self._budget, self._patience)
        for key in admitted:
            self._start(self._plan[key], self._now)
            del self._ready[key]
        return bool(admitted)

    def _start(self, step: Planned, moment: float) -> None:
        self._started[step.key] = moment
        self._running[step.key] = max(moment + step.seconds, self._now)
        self._held[step.demand.pool] += step.demand.amount

    def _end(self, key: str) -> None:
        self._done[key] = self._running.pop(key)
        for other in self._needed_by.get(key, ()):
            self._missing[other].discard(key)
            if not self._missing[other] and other not in self._started:
                self._ready[other] = self._now
        for other in self._held_for.get(key, ()):
            self._holds[other].discard(key)
            if not self._holds[other]:
                demand = self._plan[other].demand
                self._held[demand.pool] -= demand.amount


def _inverse(sets: Mapping[str, AbstractSet[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for key, members in sets.items():
        for member in members:
            found[member].append(key)
    return found


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
