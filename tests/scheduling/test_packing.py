"""Packing: never more than there is, in order, and nobody waits for ever."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from flywheel.scheduling.packing import (
    RISE_SECONDS,
    Demand,
    Waiting,
    admit,
    in_order,
    position,
    too_large,
)

BUDGET = {"training": 4, "inference": 2}
DEMANDS = st.builds(
    Demand, st.sampled_from(["training", "inference", "elsewhere"]), st.integers(0, 4)
)
STEPS = st.lists(
    st.builds(
        Waiting,
        key=st.uuids().map(str),
        demand=DEMANDS,
        priority=st.integers(0, 2),
        age=st.floats(0, 100),
        chain=st.floats(0, 100),
        waited=st.floats(0, 100),
    ),
    max_size=20,
)
HELD = st.fixed_dictionaries({"training": st.integers(0, 4), "inference": st.integers(0, 2)})


def waiting(key: str, amount: int, *, pool: str = "training", **more: float) -> Waiting:
    given = {"priority": 0, "age": 0.0, "chain": 0.0, "waited": 0.0, **more}
    return Waiting(key=key, demand=Demand(pool, amount), **given)  # type: ignore[arg-type]


@given(STEPS, HELD)
def test_never_more_than_there_is(steps: list[Waiting], held: dict[str, int]) -> None:
    admitted = set(admit(steps, held, BUDGET, 50))
    used = Counter(held)
    for step in steps:
        if step.key in admitted:
            used[step.demand.pool] += step.demand.amount
    assert all(used[pool] <= most for pool, most in BUDGET.items())


@given(STEPS, HELD)
def test_whoever_is_first_in_a_pool_and_fits_starts(
    steps: list[Waiting], held: dict[str, int]
) -> None:
    admitted = admit(steps, held, BUDGET, 50)
    assert admitted == [s.key for s in in_order(steps) if s.key in admitted]
    for pool, most in BUDGET.items():
        first = next((s for s in in_order(steps) if s.demand.pool == pool), None)
        if first is not None and first.demand.amount <= most - held[pool]:
            assert first.key in admitted


def test_the_order_is_priority_then_age_then_the_longest_chain() -> None:
    steps = [
        waiting("short", 1, chain=60),
        waiting("long", 1, chain=1200),
        waiting("old", 1, age=50),
        waiting("urgent", 1, priority=1),
    ]
    assert [s.key for s in in_order(steps)] == ["urgent", "old", "long", "short"]
    assert [position(key, steps) for key in ("urgent", "short")] == [0, 3]


def test_a_large_step_lets_small_ones_pass_but_not_for_ever() -> None:
    small = waiting("small", 1)
    for waited, expected in ((10.0, ["small"]), (60.0, [])):
        large = waiting("large", 4, age=100, waited=waited)
        assert admit([large, small], {"training": 1}, BUDGET, patience=50) == expected
    assert admit([waiting("large", 4, age=100, waited=60)], {}, BUDGET, patience=50) == ["large"]


def test_a_low_priority_rises_while_it_waits_so_that_new_runs_do_not_pass_for_ever() -> None:
    new = waiting("new", 1, priority=2, age=10)
    low = waiting("low", 1, age=2 * RISE_SECONDS)
    assert admit([low, new], {"training": 3}, BUDGET, patience=50) == ["new"]
    low = low._replace(waited=2 * RISE_SECONDS)
    assert admit([low, new], {"training": 3}, BUDGET, patience=50) == ["low"]


def test_what_can_never_fit_holds_nobody_up() -> None:
    giant = waiting("giant", 9, age=100, waited=1000)
    assert admit([giant, waiting("small", 1)], {}, BUDGET, patience=50) == ["small"]
    assert too_large([giant.demand, Demand("training", 4)], BUDGET) == [giant.demand]


def test_pools_do_not_wait_for_each_other() -> None:
    steps = [waiting("train", 4, waited=99), waiting("serve", 1, pool="inference")]
    assert admit(steps, {"training": 1}, BUDGET, patience=50) == ["serve"]
    free = waiting("free", 3, pool="elsewhere")
    assert admit([free], {}, BUDGET, patience=50) == ["free"]
