"""Packing steps into what there is of GPUs. Pure.

List scheduling (Graham, Bounds on multiprocessing timing anomalies, SIAM J. Appl. Math. 17, 1969)
with the longest chain first (Hu, Parallel sequencing and assembly line problems, Operations
Research 9, 1961), and filling of gaps that ends where somebody has waited too long.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

Pool = str  # of GPUs, or of the job slots of a platform without any


class Demand(NamedTuple):
    """What a step holds while it goes on. Nothing where `amount` is 0."""

    pool: Pool
    amount: int


NOTHING = Demand("", 0)
# Who has waited for so long counts as one priority higher: nobody starves behind ever new runs.
RISE_SECONDS = 6 * 3600.0


class Waiting(NamedTuple):
    """A step that could start now if there were room."""

    key: str
    demand: Demand
    priority: int  # the higher goes first
    age: float  # seconds since its run was asked for; of equal priority the older goes first
    chain: float  # seconds from its start to the end of all that waits for it, as expected
    waited: float  # seconds since it could have started


def in_order(waiting: Iterable[Waiting]) -> list[Waiting]:
    """Who is to start first: by priority, then the older run, then the longer chain."""
    return sorted(waiting, key=lambda w: (-_priority(w), -w.age, -w.chain, w.key))


def _priority(step: Waiting) -> int:
    return step.priority + int(step.waited // RISE_SECONDS)


def admit(
    waiting: Iterable[Waiting],
    held: Mapping[Pool, int],
    budget: Mapping[Pool, int],
    patience: float,
) -> list[str]:
    """The keys of those that may start now, in order.

    `held` is what running steps hold of each pool, `budget` what there is of it; a pool without
    a budget has no limit. What does not fit lets smaller ones pass, for `patience` seconds: then
    nobody behind it starts in its pool until it has, so that none starves. A demand larger than
    its whole pool never fits; `too_large` finds those.
    """
    free = {pool: budget[pool] - held.get(pool, 0) for pool in budget}
    closed: set[Pool] = set()
    admitted = []
    for step in in_order(waiting):
        pool, amount = step.demand
        if not amount or pool not in free:
            admitted.append(step.key)
        elif pool not in closed and amount <= free[pool]:
            free[pool] -= amount
            admitted.append(step.key)
        elif amount <= budget[pool] and step.waited >= patience:
            closed.add(pool)
    return admitted


def too_large(demands: Iterable[Demand], budget: Mapping[Pool, int]) -> list[Demand]:
    """The demands that could not start if everything else stood still."""
    return [d for d in demands if d.pool in budget and d.amount > budget[d.pool]]


def position(key: str, waiting: Sequence[Waiting]) -> int:
    """How many of those that wait for the same pool are before it."""
    ordered = in_order(waiting)
    (own,) = (step for step in ordered if step.key == key)
    rivals = [step.key for step in ordered if step.demand.pool == own.demand.pool]
    return rivals.index(key)
