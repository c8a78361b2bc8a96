"""A policy read back in words."""

from decimal import Decimal

import pytest

from flywheel.decisions.policy import ApprovalRule, Floor, Policy
from flywheel.decisions.stated import asks_of_candidates, asks_of_people


def test_every_clause_that_is_set_is_said_with_its_number() -> None:
    policy = Policy(
        reference="incumbent",
        metric="accuracy",
        margin=0.05,
        confidence=0.9,
        min_records=1500,
        floors=[Floor(label="Legal", metric="precision", at_least=0.9)],
        max_seconds_p95=0.25,
        min_saving=0.4,
        max_unparseable=0.02,
        equal_cost=Decimal(0),
    )
    assert asks_of_candidates(policy) == [
        (
            "It is compared with the model that is promoted now, record by record; with the "
            "teacher where none is."
        ),
        "What counts is accuracy.",
        (
            "It may score at most 0.05 below the reference, by the bound of the 90 % interval of "
            "the difference, corrected for the number of candidates."
        ),
        "With fewer than 1,500 evaluation records nothing is decided.",
        "The precision of Legal is shown to be at least 0.9.",
        "95 % of its answers come within 0.25 s.",
        "It saves at least 40 % of what the reference costs.",
        "At most 2 % of its answers cannot be read.",
        "Of those that pass, the cheapest is recommended.",
    ]


def test_what_is_not_asked_for_is_not_said() -> None:
    said = " ".join(asks_of_candidates(Policy(max_unparseable=None, max_unjudged=None)))
    assert "answers" not in said
    assert "saves" not in said
    assert "macro-F1, name-and-arguments accuracy or judge similarity" in said
    assert "less than 1 % of the reference's" in said


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.0, "It costs no more than the reference."),
        (-0.2, "It costs at most 20 % more than the reference."),
    ],
)
def test_a_model_may_be_allowed_to_save_nothing(share: float, said: str) -> None:
    assert said in asks_of_candidates(Policy(min_saving=share))


def test_what_people_have_to_do() -> None:
    assert asks_of_people(ApprovalRule()) == [
        "One person approves.",
        "Whoever asked for the run may approve it as well.",
        "After 7 d nobody can decide on it any more.",
    ]
    rule = ApprovalRule(four_eyes=True, approvals=2, expires_hours=None)
    assert asks_of_people(rule) == [
        "2 people have to approve the same model; one who rejects it ends it.",
        "Whoever asked for the run does not approve it (four eyes).",
        "The question stays open until somebody answers it.",
    ]
