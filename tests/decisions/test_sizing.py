"""How many records the policy needs, and the sentence that says why."""

import pytest

from flywheel.decisions.policy import Policy
from flywheel.decisions.sizing import Discordance, SizePlan, plan_eval_size
from flywheel.evaluation.planner import power_of

SEEN = Discordance(0.15, "as r-3 saw")


def plan(policy: Policy, *, against_teacher: bool = True, candidates: int = 1,
         expected: Discordance = SEEN) -> SizePlan:  # fmt: skip
    reference = "the teacher" if against_teacher else "tfidf-svm (r-3)"
    return plan_eval_size(policy, reference, against_teacher, expected, 0.8, candidates)


def test_against_the_teacher_all_that_differs_is_lost() -> None:
    wanted = plan(Policy(margin=0.2, min_records=1)).wanted
    assert wanted is not None
    assert power_of(wanted, 0.2, 0.15, 0.95, -0.15) >= 0.8
    assert power_of(wanted - 1, 0.2, 0.15, 0.95, -0.15) < 0.8


def test_against_an_incumbent_nothing_is_expected_to_be_lost() -> None:
    found = plan(Policy(margin=0.03, min_records=1), against_teacher=False,
                 expected=Discordance(0.06, "as r-3 saw"))  # fmt: skip
    assert found == SizePlan(
        wanted=524,
        sentence="524 records are to be held out: with them a candidate that differs from "
        "tfidf-svm (r-3) on 6 % of the records (as r-3 saw) shows with a probability of 80 % that "
        "it is within the 0.03 that the policy allows.",
    )


def test_several_candidates_need_more() -> None:
    one, three = (plan(Policy(margin=0.2, min_records=1), candidates=n) for n in (1, 3))
    assert one.wanted is not None
    assert three.wanted is not None
    assert three.wanted > one.wanted
    assert three.sentence.endswith("one of 3 that are tried.")


def test_the_policys_own_minimum_counts() -> None:
    found = plan(Policy(margin=0.9, min_records=250))
    assert found.wanted == 250
    assert "the policy asks for as many, though with 2 a candidate" in found.sentence


@pytest.mark.parametrize("margin", [0.15, 0.1])
def test_where_no_number_would_do_all_are_taken(margin: float) -> None:
    found = plan(Policy(margin=margin))
    assert found.wanted is None
    assert "whatever the number of records" in found.sentence
