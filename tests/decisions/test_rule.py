"""The policy applied to measured candidates, case by case."""

from decimal import Decimal

import pytest

from flywheel.decisions.clauses import Measured, ReferenceModel
from flywheel.decisions.policy import policy_document
from flywheel.decisions.rule import recommend
from flywheel.decisions.verdict import Clause, Recommendation
from flywheel.evaluation.paired import Difference
from flywheel.evaluation.scores import Confusion, Interval, Scores

TEACHER = ReferenceModel("the teacher", None)


def measured(
    name: str,
    value: float,
    low: float,
    high: float,
    *,
    n: int = 1000,
    cost: str | None = None,
    seconds: float = 0.001,
    p_value: float | None = None,
    unparseable: int = 0,
    p95: float | None = 0.002,
) -> Measured:
    """A candidate whose macro-F1 has this interval, against a teacher at 1."""
    interval = Interval(value=value, low=low, high=high, confidence=0.95, method="test")
    scores = Scores(
        n=n,
        macro_f1=interval,
        weighted_f1=interval,
        accuracy=interval,
        per_class=[],
        confusion=Confusion(labels=["A", "B"], counts=[[95, 5], [0, 40]]),
        unparseable=unparseable,
        seconds=seconds,
        seconds_p95=p95,
        input_tokens=1,
        output_tokens=1,
        cost_per_1000=None if cost is None else Decimal(cost),
        seed=1,
    )
    if p_value is None:
        p_value = 0.001 if low > 0.75 else 0.5
    difference = Difference(
        metric="macro_f1",
        value=value - 1,
        low=low - 1,
        high=high - 1,
        confidence=0.95,
        margin=0.25,
        p_value=p_value,
        n=n,
        method="test",
    )
    return Measured(name, scores, difference)


def judged(
    *candidates: Measured,
    policy: str = "margin: 0.25",
    reference: ReferenceModel = TEACHER,
    teacher_cost: Decimal | None = None,
    currency: str = "USD",
) -> Recommendation:
    document = policy_document(policy, "policy.yaml")
    return recommend(candidates, reference, document, teacher_cost, currency)


def clause(result: Recommendation, name: str) -> Clause:
    return next(c for c in result.candidates[0].clauses if c.name == name)


@pytest.mark.parametrize(
    ("low", "high", "n", "verdict"),
    [
        (0.80, 0.86, 1000, "promote"),
        (0.751, 0.86, 100, "promote"),  # both requirements just met
        (0.749, 0.86, 1000, "insufficient-data"),
        (0.60, 0.751, 1000, "insufficient-data"),
        (0.60, 0.749, 1000, "keep"),
        (0.80, 0.86, 99, "insufficient-data"),
        (0.00, 0.10, 99, "insufficient-data"),
    ],
)
def test_verdicts(low: float, high: float, n: int, verdict: str) -> None:
    result = judged(measured("svm", (low + high) / 2, low, high, n=n))
    assert result.verdict == verdict
    assert result.candidates[0].verdict == verdict


def test_the_reason_carries_the_numbers() -> None:
    result = judged(measured("svm", 0.8311, 0.8015, 0.8562))
    assert result.reason == (
        "svm has macro-F1 0.831 on 1,000 records (95 % interval 0.801 to 0.856); "
        "at worst it is 0.199 below the teacher, and the policy allows 0.250 below."
    )
    few = judged(measured("svm", 0.83, 0.80, 0.86, n=40))
    assert "on 40 records" in few.reason
    assert "the policy needs at least 100 evaluation records, and there are 40" in few.reason
    bad = judged(measured("svm", 0.65, 0.60, 0.70))
    assert bad.reason.endswith(
        "even at best it is 0.300 below the teacher, and the policy allows 0.250 below."
    )


def test_an_undecided_verdict_says_how_many_records_would_do() -> None:
    result = judged(measured("svm", 0.80, 0.72, 0.88, n=400))
    needed = result.candidates[0].records_needed
    assert result.verdict == "insufficient-data"
    assert needed is not None
    assert 400 < needed < 4000
    assert f"about {needed:,} evaluation records would decide." in result.reason
    at_the_margin = judged(measured("svm", 0.75, 0.70, 0.80, n=400))
    assert at_the_margin.candidates[0].records_needed is None


def test_many_candidates_make_it_harder_that_one_passes() -> None:
    lucky = measured("lucky", 0.80, 0.7501, 0.85, p_value=0.024)
    assert judged(lucky).verdict == "promote"
    poor = [measured(f"poor-{i}", 0.5, 0.45, 0.55, p_value=1.0) for i in range(2)]
    result = judged(lucky, *poor)
    assert result.verdict == "insufficient-data"
    assert result.candidates[0].p_adjusted == pytest.approx(0.072)
    assert "alone it would pass, but as one of 3 candidates" in result.reason


@pytest.mark.parametrize(
    ("policy", "name", "state", "words"),
    [
        ("floors: [{label: A, at_least: 0.85}]", "floor", "passed", "recall of A is 0.950"),
        ("floors: [{label: A, at_least: 0.9}]", "floor", "undecided", "n 100"),
        ("floors: [{label: A, at_least: 0.99}]", "floor", "failed", "recall of A is only 0.950"),
        ("floors: [{label: C, at_least: 0.9}]", "floor", "undecided", "recall of C is not known"),
        (
            "floors: [{label: B, metric: precision, at_least: 0.7}]",
            *("floor", "passed", "precision of B is 0.889"),
        ),
        ("max_seconds_p95: 0.01", "latency", "passed", "within 2 ms"),
        ("max_seconds_p95: 0.001", "latency", "failed", "the policy allows 1 ms"),
        ("min_saving: 0.5", "saving", "undecided", "without both prices"),
        ("max_unparseable: 0.05", "unparseable", "passed", "3 % of its answers"),
        ("max_unparseable: 0.01", "unparseable", "failed", "the policy allows 1 %"),
    ],
)
def test_every_clause(policy: str, name: str, state: str, words: str) -> None:
    text = policy if name == "unparseable" else f"max_unparseable: null\n{policy}"
    result = judged(measured("svm", 0.9, 0.88, 0.92, unparseable=30), policy=text)
    found = clause(result, name)
    assert found.state == state
    assert words in found.text
    verdicts = {"passed": "promote", "failed": "keep", "undecided": "insufficient-data"}
    assert result.verdict == verdicts[state]
    assert (found.text in result.reason) is (state != "passed")


@pytest.mark.parametrize(
    ("least", "state"), [("0.9", "passed"), ("0.96", "failed"), ("-0.5", "passed")]
)
def test_the_saving_is_reckoned_from_the_reference(least: str, state: str) -> None:
    result = judged(
        measured("svm", 0.9, 0.88, 0.92, cost="0.01"),
        policy=f"min_saving: {least}",
        reference=ReferenceModel("big (r-1)", Decimal("0.2")),
    )
    assert clause(result, "saving").state == state
    assert "it saves 95 % of what big (r-1) costs" in clause(result, "saving").text
    assert result.reference == "big (r-1)"


def test_the_policy_is_kept_with_the_verdict() -> None:
    result = judged(measured("svm", 0.9, 0.88, 0.92), policy="margin: 0.2 # agreed")
    assert result.policy is not None
    assert result.policy.text == "margin: 0.2 # agreed"
    assert len(result.policy.sha256) == 64


def test_the_cheapest_of_those_that_pass() -> None:
    result = judged(
        measured("best", 0.90, 0.88, 0.92, cost="0.05"),
        measured("cheap", 0.80, 0.77, 0.83, cost="0.01", seconds=0.5),
        measured("cheaper but weak", 0.60, 0.55, 0.65, cost="0.001"),
        measured("no price", 0.95, 0.93, 0.97),
        reference=ReferenceModel("the teacher", Decimal("0.20")),
        teacher_cost=Decimal("0.20"),
        currency="EUR",
    )
    assert (result.verdict, result.model_name) == ("promote", "cheap")
    assert result.reason.endswith("of the 3 that pass it is the cheapest.")
    assert (result.saving_per_1000, result.saving_share) == (Decimal("0.19"), 0.95)
    assert result.currency == "EUR"
    order = [verdict.model_name for verdict in result.candidates]
    assert order == ["cheap", "best", "no price", "cheaper but weak"]


def test_without_prices_the_best_then_the_fastest() -> None:
    slow = measured("slow", 0.9, 0.88, 0.92, seconds=0.01)
    result = judged(measured("fast", 0.8, 0.77, 0.83), slow, teacher_cost=Decimal(1))
    assert result.model_name == "slow"
    assert result.reason.endswith("it is the best.")
    assert (result.saving_per_1000, result.saving_share) == (None, None)
    result = judged(slow, measured("as good", 0.9, 0.88, 0.92, seconds=0.001))
    assert result.model_name == "as good"
    assert result.reason.endswith("it is the fastest.")


def test_a_difference_too_small_to_matter_does_not_decide() -> None:
    """0.00003 saved of a teacher's 0.058 is no reason to take the weaker model."""
    candidates = [
        measured("weaker", 0.809, 0.760, 0.842, cost="0.00002"),
        measured("better", 0.827, 0.784, 0.855, cost="0.00005"),
    ]
    dear = ReferenceModel("the teacher", Decimal("0.058"))
    result = judged(*candidates, reference=dear)
    assert result.model_name == "better"
    assert result.reason.endswith("it is the best of those that cost about the same.")
    assert judged(*candidates, reference=dear, policy="equal_cost: 0").model_name == "weaker"
    cheap = ReferenceModel("the teacher", Decimal("0.0001"))
    assert judged(*candidates, reference=cheap).model_name == "weaker"


def test_where_none_passes_the_best_gives_the_verdict() -> None:
    result = judged(
        measured("low", 0.5, 0.45, 0.55, cost="0.01"),
        measured("close", 0.76, 0.72, 0.80, cost="0.02"),
        teacher_cost=Decimal(1),
    )
    assert (result.verdict, result.model_name) == ("insufficient-data", "close")
    assert result.saving_per_1000 is None
    assert [verdict.verdict for verdict in result.candidates] == ["insufficient-data", "keep"]


def test_a_dearer_candidate_has_no_share_to_save() -> None:
    result = judged(measured("svm", 0.9, 0.88, 0.92, cost="3"), teacher_cost=Decimal(1))
    assert (result.saving_per_1000, result.saving_share) == (Decimal(-2), None)


def test_the_front_of_score_against_cost_is_kept() -> None:
    result = judged(
        measured("best", 0.95, 0.93, 0.97, cost="0.03"),
        measured("beaten", 0.90, 0.88, 0.92, cost="0.03"),
        measured("no price", 0.99, 0.98, 0.99),
        measured("cheap and weak", 0.50, 0.45, 0.55, cost="0.01"),
    )
    assert result.pareto == ["cheap and weak", "best"]


def test_a_recommendation_of_a_version_without_the_front_is_read() -> None:
    stored = judged(measured("svm", 0.9, 0.88, 0.92)).model_dump(mode="json")
    del stored["pareto"]
    assert Recommendation.model_validate(stored).pareto == []
