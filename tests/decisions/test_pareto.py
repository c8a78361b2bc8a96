"""The Pareto front, by its definition."""

from decimal import Decimal
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from flywheel.decisions.pareto import Point, pareto_front

# Few values, so that ties are frequent.
few_scores = st.sampled_from([0.0, 0.5, 0.8, 0.8000001, 1.0])
few_costs = st.none() | st.sampled_from([Decimal(0), Decimal("0.01"), Decimal("0.010"), Decimal(3)])
any_scores = st.floats(0, 1)
any_costs = st.decimals(0, 1000, places=6)


@st.composite
def points(draw: st.DrawFn) -> list[Point]:
    pairs = draw(
        st.lists(st.tuples(few_scores | any_scores, few_costs | any_costs), min_size=0, max_size=30)
    )
    return [Point(f"c-{i}", score, cost) for i, (score, cost) in enumerate(pairs)]


def dominates(one: Point, other: Point) -> bool:
    assert one.cost is not None
    assert other.cost is not None
    no_worse = one.score >= other.score and one.cost <= other.cost
    return no_worse and (one.score > other.score or one.cost < other.cost)


@given(points())
def test_on_the_front_is_exactly_what_nothing_dominates(given_points: list[Point]) -> None:
    priced = [point for point in given_points if point.cost is not None]
    expected = {p.name for p in priced if not any(dominates(other, p) for other in priced)}
    front = pareto_front(given_points)
    assert len(front) == len(set(front))
    assert set(front) == expected


@given(points(), st.randoms())
def test_the_order_of_the_points_does_not_matter(given_points: list[Point], random: Random) -> None:
    shuffled = list(given_points)
    random.shuffle(shuffled)
    assert pareto_front(shuffled) == pareto_front(given_points)


@given(points())
def test_cheapest_first_and_better_as_it_gets_dearer(given_points: list[Point]) -> None:
    by_name = {point.name: point for point in given_points}
    front = [by_name[name] for name in pareto_front(given_points)]
    costs = [point.cost or Decimal(0) for point in front]
    assert costs == sorted(costs)
    assert [point.score for point in front] == sorted(point.score for point in front)


def test_the_unpriced_are_left_out() -> None:
    assert pareto_front([]) == []
    assert pareto_front([Point("a", 0.9, None)]) == []
    assert pareto_front([Point("a", 0.9, None), Point("b", 0.1, Decimal(5))]) == ["b"]


def test_equals_stay_together() -> None:
    equal = [Point("b", 0.9, Decimal("0.01")), Point("a", 0.9, Decimal("0.010"))]
    worse = Point("c", 0.9, Decimal("0.02")), Point("d", 0.8, Decimal("0.01"))
    assert pareto_front([*equal, *worse]) == ["a", "b"]
