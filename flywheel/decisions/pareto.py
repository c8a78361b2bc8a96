"""Which candidates are worth a thought: those that none beats in both score and cost. Pure."""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple


class Point(NamedTuple):
    """A candidate by its score (higher is better) and its cost (lower is better)."""

    name: str
    score: float
    cost: Decimal | None  # None where it has no price


def pareto_front(points: Iterable[Point]) -> list[str]:
    """The names of the points on the Pareto front, cheapest first.

    A point is off the front where another one dominates it: no worse in score and cost, and
    better in one of them. Points that are equal in both do not dominate each other and stay
    together; a point without a cost cannot be compared and is left out. One pass over the points
    sorted by cost (Kung, Luccio & Preparata, On finding the maxima of a set of vectors, J ACM 22,
    1975). Numbers count as they were measured: no tolerance, no intervals.
    """
    priced = [(point.cost, -point.score, point.name) for point in points if point.cost is not None]
    front: list[tuple[Decimal, float, str]] = []
    for point in sorted(priced):
        cost, loss, _ = point
        if not front or loss < front[-1][1] or (cost, loss) == front[-1][:2]:
            front.append(point)
    return [name for *_, name in front]
