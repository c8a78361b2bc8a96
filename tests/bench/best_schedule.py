"""The best possible schedule of candidates on some GPUs, found by looking at all that matter.

A candidate is fine-tuned on one GPU and served on another. Its deployment holds its GPU until both
evaluations have ended, which go on side by side; the second needs the fine-tuned model, which the
server has some time after the fine-tuning. Whatever starts earlier makes nothing later, so some
best schedule starts everything at the beginning or when a GPU comes free: those are tried, less
what cannot beat the best so far.
"""

from math import inf
from typing import NamedTuple


class Shape(NamedTuple):
    """How long things take, in seconds."""

    deploy: float = 300.0
    base: float = 60.0
    tune: float = 1200.0
    sync: float = 60.0
    customized: float = 60.0

    @property
    def after_tuning(self) -> float:
        """From the end of fine-tuning to that of its evaluation, where it is deployed by then."""
        return self.sync + self.customized


class Starts(NamedTuple):
    """Of one candidate; None where it has not started."""

    tune: float | None = None
    deploy: float | None = None


class Best(NamedTuple):
    """A schedule that none beats."""

    seconds: float
    starts: tuple[Starts, ...]
    looked_at: int  # states, until it was certain


def best_schedule(shape: Shape, candidates: int, gpus: int) -> Best:
    """The shortest one. Raises ValueError where there are too few GPUs for any."""
    search = _Search(shape, gpus)
    search.extend(0.0, (Starts(),) * candidates)
    if search.best is None:
        raise ValueError(f"no schedule on {gpus} GPUs")
    return Best(search.seconds, search.best, search.looked_at)


def free_again(shape: Shape, starts: Starts) -> tuple[float, float]:
    """When the GPUs of fine-tuning and of serving come free; infinity while that is open."""
    tuned = inf if starts.tune is None else starts.tune + shape.tune
    if starts.deploy is None:
        return tuned, inf
    up = starts.deploy + shape.deploy
    return tuned, max(up + shape.base, max(up, tuned + shape.sync) + shape.customized)


class _Search:
    def __init__(self, shape: Shape, gpus: int) -> None:
        self.seconds = inf
        self.best: tuple[Starts, ...] | None = None
        self.looked_at = 0
        self._shape, self._gpus = shape, gpus
        self._seen: set[tuple[float, tuple[Starts, ...]]] = set()

    def extend(self, now: float, state: tuple[Starts, ...]) -> None:
        """Try everything that may come after this state."""
        key = now, tuple(sorted(state, key=_order))  # candidates are all alike
        if key in self._seen or self._at_least(now, state) >= self.seconds:
            return
        self._seen.add(key)
        self.looked_at += 1
        if all(None not in one for one in state):
            self.seconds, self.best = self._at_least(now, state), state
            return
        ends = [
            end
            for one in state
            for start, end in zip(one, free_again(self._shape, one), strict=True)
            if start is not None and end > now
        ]
        if len(ends) < self._gpus:
            for place, one in enumerate(state):
                for name in Starts._fields:
                    if getattr(one, name) is None and one not in state[:place]:
                        started = one._replace(**{name: now})
                        self.extend(now, (*state[:place], started, *state[place + 1 :]))
        later = min(ends, default=inf)
        if later < inf:
            self.extend(later, state)

    def _at_least(self, now: float, state: tuple[Starts, ...]) -> float:
        """No schedule that goes on from here is shorter."""
        shape = self._shape
        supposed = [Starts(*(now if start is None else start for start in one)) for one in state]
        return max(free_again(shape, one)[1] for one in supposed)


def _order(one: Starts) -> tuple[float, float]:
    return -1 if one.tune is None else one.tune, -1 if one.deploy is None else one.deploy
