"""The benchmark's yardstick: the best possible schedule, and how near to it ours is planned."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel.scheduling.packing import Demand
from flywheel.scheduling.timetable import Planned, timetable
from tests.bench.best_schedule import Best, Shape, best_schedule, free_again

GPU = Demand("gpus", 1)
SHAPES = st.builds(Shape, *[st.integers(1, 50).map(float)] * 5)


def check(best: Best, shape: Shape, gpus: int) -> None:
    """Everything starts, nothing more is held than there is, and it takes what it says."""
    held, ends = [], []
    for one in best.starts:
        assert one.tune is not None
        assert one.deploy is not None
        tuned, released = free_again(shape, one)
        held += [(one.tune, tuned), (one.deploy, released)]
        ends.append(released)
    assert best.seconds == max(ends)
    for moment, _ in held:
        assert sum(1 for start, end in held if start <= moment < end) <= gpus


def planned(shape: Shape, candidates: int, gpus: int) -> float:
    """The end of our own timetable; its sync is a step that holds nothing."""
    steps = []
    for number in range(candidates):
        tune, sync, deploy, base, last = (f"{number}-{kind}" for kind in "tsdbl")
        steps += [
            Planned(tune, (), shape.tune, GPU),
            Planned(sync, (tune,), shape.sync),
            Planned(deploy, (), shape.deploy, GPU, held_until=(base, last)),
            Planned(base, (deploy,), shape.base),
            Planned(last, (deploy, sync), shape.customized),
        ]

    def trains_first(key: str, running: frozenset[str], done: frozenset[str]) -> bool:
        return not key.endswith("d") or key.replace("d", "t") in running | done

    return max(step.end for step in timetable(steps, {"gpus": gpus}, gate=trains_first))


@pytest.mark.parametrize(("gpus", "seconds"), [(1, 4680), (2, 2520), (4, 1560), (6, 1320)])
def test_of_the_blueprints_shape(gpus: int, seconds: float) -> None:
    shape = Shape()
    best = best_schedule(shape, 3, gpus)
    check(best, shape, gpus)
    assert best.seconds == seconds
    assert planned(shape, 3, gpus) == seconds


@given(SHAPES, st.integers(1, 3), st.integers(1, 4))
@settings(max_examples=150, deadline=None)
def test_it_can_be_kept_and_neither_bound_nor_our_timetable_beats_it(
    shape: Shape, candidates: int, gpus: int
) -> None:
    best = best_schedule(shape, candidates, gpus)
    check(best, shape, gpus)
    alone = best_schedule(shape, 1, 2).seconds
    serving = shape.deploy + max(shape.base, shape.customized)
    work = candidates * (shape.tune + serving)
    assert best.seconds >= max(alone, work / gpus)
    assert planned(shape, candidates, gpus) >= best.seconds
