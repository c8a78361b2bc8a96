"""The timetable: what each step waits for, what it holds, and how good the packing is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel.scheduling.packing import Demand
from flywheel.scheduling.timetable import Planned, Timed, chain_lengths, gpu_seconds, timetable

GPU = Demand("gpu", 1)


@st.composite
def graphs(draw: st.DrawFn) -> list[Planned]:
    steps: list[Planned] = []
    for number in range(draw(st.integers(1, 12))):
        before = [step.key for step in steps]
        needs = draw(st.lists(st.sampled_from(before), unique=True, max_size=3)) if before else []
        steps.append(
            Planned(
                str(number),
                tuple(needs),
                draw(st.floats(0, 100)),
                Demand("gpu", draw(st.integers(0, 3))),
            )
        )
    return steps


def by_key(timed: list[Timed]) -> dict[str, Timed]:
    return {step.key: step for step in timed}


@given(graphs(), st.integers(3, 6))
@settings(max_examples=200)
def test_every_step_waits_for_its_needs_and_for_room(steps: list[Planned], gpus: int) -> None:
    timed = by_key(timetable(steps, {"gpu": gpus}))
    assert set(timed) == {step.key for step in steps}
    for step in steps:
        assert timed[step.key].end == pytest.approx(timed[step.key].start + step.seconds)
        assert all(timed[need].end <= timed[step.key].start for need in step.needs)
    for moment in {step.start for step in timed.values()}:
        at_once = [s for s in timed.values() if s.start <= moment < s.released]
        assert sum(step.demand.amount for step in at_once) <= gpus
    # Graham's bound for list scheduling.
    longest = max(chain_lengths(steps).values())
    work = sum(step.demand.amount * step.seconds for step in steps)
    makespan = max(step.end for step in timed.values())
    assert makespan >= longest - 1e-6
    assert makespan >= work / gpus - 1e-6


def test_a_deployment_is_held_until_its_last_evaluation() -> None:
    steps = [
        Planned("deploy", (), 10, GPU, held_until=("eval",)),
        Planned("eval", ("deploy",), 5),
        Planned("other", (), 1, GPU),
    ]
    timed = by_key(timetable(steps, {"gpu": 1}))
    assert timed["deploy"].released == 15
    assert timed["other"].start == 15
    assert gpu_seconds(list(timed.values())) == 16


def test_what_runs_already_goes_on_from_where_it_is() -> None:
    steps = [Planned("a", (), 10, GPU, elapsed=4), Planned("b", ("a",), 2, GPU)]
    timed = by_key(timetable(steps, {"gpu": 1}))
    assert (timed["a"].start, timed["a"].end, timed["b"].start) == (-4, 6, 6)


def test_who_has_waited_long_enough_is_passed_by_nobody() -> None:
    for waited, start in ((0.0, 0), (100.0, 15)):
        steps = [
            Planned("runs", (), 10, GPU, elapsed=0),
            Planned("large", (), 5, Demand("gpu", 2), priority=1, waited=waited),
            Planned("small", (), 20, GPU),
        ]
        assert by_key(timetable(steps, {"gpu": 2}, patience=50))["small"].start == start


def test_a_gate_holds_back_what_is_ready() -> None:
    steps = [Planned("train", (), 10, GPU), Planned("deploy", (), 3, GPU)]

    def gate(key: str, _running: frozenset[str], done: frozenset[str]) -> bool:
        return key != "deploy" or "train" in done

    assert by_key(timetable(steps, {"gpu": 2}, gate=gate))["deploy"].start == 10


def test_a_gate_that_a_start_opens_is_open_at_once() -> None:
    steps = [Planned("train", (), 10, GPU), Planned("deploy", (), 3, GPU)]

    def gate(key: str, running: frozenset[str], _done: frozenset[str]) -> bool:
        return key != "deploy" or "train" in running

    assert by_key(timetable(steps, {"gpu": 2}, gate=gate))["deploy"].start == 0


def test_what_can_never_start_is_left_out() -> None:
    steps = [Planned("giant", (), 1, Demand("gpu", 5)), Planned("after", ("giant",), 1)]
    assert timetable(steps, {"gpu": 2}) == []
