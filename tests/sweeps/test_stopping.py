"""When a training is hopeless, and which of several is best."""

from hypothesis import given
from hypothesis import strategies as st

from flywheel.ports.platform import Validation, ValidationPoint
from flywheel.sweeps.choice import best
from flywheel.sweeps.stopping import OTHERS, hopeless


def curve(*losses: float) -> list[ValidationPoint]:
    """One loss every ten percent."""
    return [ValidationPoint(percent=10.0 * (n + 1), loss=loss) for n, loss in enumerate(losses)]


GOOD = curve(2.0, 1.0, 0.5, 0.4, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3)
FAIR = curve(2.0, 1.5, 1.0, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8)
BAD = curve(3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0)


def test_one_that_is_worse_than_the_median_is_stopped_and_is_told_why() -> None:
    said = hopeless(BAD[:3], [GOOD, FAIR, FAIR], grace=25)
    assert said == "stopped at 30 %: validation loss 3, where the median of 3 others was 1"


def test_everyone_is_given_the_grace() -> None:
    assert hopeless(BAD[:2], [GOOD, FAIR, FAIR], grace=25) is None
    assert hopeless(BAD[:2], [GOOD, FAIR, FAIR], grace=20) is not None


def test_two_others_are_too_few() -> None:
    assert hopeless(BAD, [GOOD, FAIR], grace=0) is None


def test_only_what_the_others_had_at_the_same_point_counts() -> None:
    late = curve(3.0, 3.0, 3.0, 3.0, 0.1)  # all of them learn late
    assert hopeless(curve(2.9, 2.9, 2.9), [late, late, late], grace=0) is None
    assert hopeless(BAD[:3], [GOOD[:2], FAIR, FAIR], grace=0) is None  # one is not so far yet


def test_without_losses_nobody_is_stopped() -> None:
    assert hopeless([], [GOOD, FAIR, FAIR], grace=0) is None
    assert hopeless(BAD, [[], [], []], grace=0) is None


losses = st.lists(st.floats(0.01, 10), min_size=10, max_size=10).map(lambda x: curve(*x))


@given(st.lists(losses, min_size=OTHERS + 1, max_size=8))
def test_the_best_at_any_point_is_never_stopped(curves: list[list[ValidationPoint]]) -> None:
    for length in range(1, 11):
        so_far = [one[:length] for one in curves]
        leader = min(so_far, key=lambda one: min(p.loss for p in one))
        others = [one for one in so_far if one is not leader]
        assert hopeless(leader, others, grace=0) is None


def test_the_highest_macro_f1_is_best_and_the_lowest_loss() -> None:
    assert best({n: Validation(metric="macro_f1", value=v) for n, v in ((1, 0.7), (2, 0.8))}) == 2
    assert best({n: Validation(metric="loss", value=v) for n, v in ((1, 0.7), (2, 0.8))}) == 1


def test_of_equals_the_first_is_best_and_of_nothing_none() -> None:
    equal = Validation(metric="loss", value=0.5)
    assert best({3: equal, 2: equal}) == 2
    assert best({}) is None


def test_what_was_measured_in_another_way_is_not_compared() -> None:
    found = {
        1: Validation(metric="macro_f1", value=0.5),
        2: Validation(metric="macro_f1", value=0.6),
        3: Validation(metric="loss", value=0.01),
    }
    assert best(found) == 2
