"""Policies and comparisons of workloads that have no class score: tool calls and free text."""

import gzip
import random

import pytest

from flywheel.datasets.reading import read_answer
from flywheel.decisions.answered import Answered, difference
from flywheel.decisions.clauses import Measured, ReferenceModel
from flywheel.decisions.policy import parse_policy, policy_document
from flywheel.decisions.regression import compare_paired, compare_unpaired
from flywheel.decisions.rule import headline, recommend
from flywheel.decisions.verdict import Recommendation
from flywheel.errors import SettingsError
from flywheel.evaluation.judge import Judgement, judge_scores, prompt_of, similarity_share
from flywheel.evaluation.metrics import score, score_texts, with_tool_calls
from flywheel.evaluation.paired import mcnemar
from flywheel.evaluation.scores import Scores
from flywheel.evaluation.tool_calls import ToolCase, compare_each
from flywheel.evaluation.tool_schemas import ToolSchemas
from flywheel.records import parse_record
from flywheel.settings import EvaluationConfig
from tests.support.records import real_file, tool_call

TEACHER = ReferenceModel("the teacher", None)
CONFIG = EvaluationConfig(bootstrap_resamples=200)
TOOLS = ["search", "book", "cancel"]


def tool_scores(wrong_arguments: int, wrong_names: int = 0, n: int = 150) -> Scores:
    """Single calls of three tools by turns; the faults are in the first rows."""
    names = [TOOLS[i % 3] for i in range(n)]
    cases = []
    for i, name in enumerate(names):
        given = "other" if i < wrong_names else name
        bad = wrong_names <= i < wrong_names + wrong_arguments
        answered = [tool_call(given, '{"a": 1}' if bad else "{}")]
        cases.append(ToolCase([tool_call(name)], answered, []))
    schemas = ToolSchemas()
    compared = list(compare_each(cases, schemas))
    labels = [case.answered[0]["function"]["name"] for case in cases]
    ones = [1] * n
    scores = score(names, labels, ones, ones, ones, CONFIG, 1)
    return with_tool_calls(scores, compared, 0.95, schemas.broken)


def judged_texts(judgements: list[int | None]) -> Scores:
    """Free text with these similarities; None is a reply that could not be read."""
    n = len(judgements)
    ones = [1] * n
    scores = score_texts(["a b"] * n, ["a b"] * n, ones, ones, ones, 1)
    said = [
        Judgement(outcome="unreadable" if one is None else "scored", score=one)
        for one in judgements
    ]
    judge = judge_scores("similarity", said, "judge-1", prompt_of("Judge."), 0.95)
    return scores.model_copy(update={"judge": judge})


def similar(judgements: list[int | None]) -> Answered:
    shares = [None if one is None else similarity_share(one) for one in judgements]
    return Answered(["answer"] * len(shares), [None] * len(shares), similarity=shares)


def on_calls(right: list[bool], labels: list[str] | None = None) -> Answered:
    expected = labels or ["search"] * len(right)
    return Answered(expected, [e if r else None for e, r in zip(expected, right, strict=True)])


def decided(scores: Scores, answered: Answered, policy: str) -> Recommendation:
    document = policy_document(policy, "policy.yaml")
    rule = document.parsed()
    found = difference(
        answered,
        answered.teacher(),
        rule.metric_of(scores.workload_type),
        rule.margin,
        400,
        0.95,
        1,
    )
    return recommend([Measured("m", scores, found)], TEACHER, document, None, "USD")


@pytest.mark.parametrize(
    ("policy", "workload", "metric"),
    [
        ("margin: 0.1", "classification", "macro_f1"),
        ("metric: auto", "tool_calling", "tool_calls"),
        ("metric: auto", "generic", "similarity"),
        ("metric: weighted_f1", "classification", "weighted_f1"),
        ("metric: function_names", "tool_calling", "function_names"),
        ("metric: macro_f1", "tool_calling", None),
        ("metric: accuracy", "generic", None),
        ("metric: tool_calls", "classification", None),
        ("floors: [{label: A, at_least: 0.9}]", "tool_calling", "tool_calls"),
        ("floors: [{label: A, at_least: 0.9}]", "generic", None),
    ],
)
def test_a_policy_fits_a_workload_or_says_why_not(
    policy: str, workload: str, metric: str | None
) -> None:
    parsed = parse_policy(policy, "ours.yaml")
    if metric is None:
        with pytest.raises(SettingsError, match=f" {workload} workload") as caught:
            parsed.check_fits(workload)
        assert caught.value.hint
        return
    parsed.check_fits(workload)
    assert parsed.metric_of(workload) == metric


def test_floors_name_tools_and_count_calls() -> None:
    scores = tool_scores(wrong_arguments=30, wrong_names=30)  # ten and ten of each tool's fifty
    right = [i >= 60 for i in range(150)]
    policy = (
        "margin: 0.6\nfloors: [{label: search, at_least: 0.45}, {label: book, at_least: 0.8}, "
        "{label: cancel, metric: precision, at_least: 0.5}, {label: fly, at_least: 0.5}]"
    )
    clauses = decided(scores, on_calls(right), policy).candidates[0].clauses
    floors = [(c.state, c.text) for c in clauses if c.name == "floor"]
    assert [state for state, _ in floors] == ["passed", "failed", "passed", "undecided"]
    assert "recall of book is only 0.600" in floors[1][1]
    assert "precision of cancel is 0.750" in floors[2][1]  # 30 exact of 40 calls
    by_name = decided(scores, on_calls(right), f"{policy}\nmetric: function_names")
    texts = [c.text for c in by_name.candidates[0].clauses if c.name == "floor"]
    assert texts[0].startswith("recall of search is 0.800")


def test_without_enough_judgements_there_is_no_verdict() -> None:
    bad: list[int | None] = [1] * 180 + [None] * 20
    result = decided(judged_texts(bad), similar(bad), "min_records: 100")
    assert result.verdict == "insufficient-data"
    assert "10 % of the records have no score by the judge, and the policy allows 5 %" in (
        result.reason
    )
    assert "evaluation records would decide" not in result.reason
    assert decided(judged_texts(bad), similar(bad), "max_unjudged: 0.2").verdict == "keep"
    assert decided(judged_texts(bad), similar(bad), "min_records: 190").verdict == (
        "insufficient-data"
    )


def test_similarity_is_decided_on_from_0_to_1() -> None:
    good: list[int | None] = [10, 9] * 100
    result = decided(judged_texts(good), similar(good), "margin: 0.1")
    assert result.verdict == "promote"
    assert "m has a judge's similarity (1 to 10 taken as 0 to 1) of 0.944 on 200" in result.reason
    found = result.candidates[0].difference
    assert found is not None
    assert found.value == pytest.approx(-1 / 18)
    scores = judged_texts(good)
    assert scores.headline is not None
    assert scores.headline.value == 9.5
    assert headline(scores, parse_policy("margin: 0.1", "p")).value == pytest.approx(8.5 / 9)


@pytest.fixture(scope="module")
def classes() -> list[str]:
    """The combinations of tools in 500 real records; most occur once."""
    with gzip.open(real_file("tool_calls_bfcl.jsonl.gz")) as file:
        lines = random.Random(4).sample(list(file), 500)
    return [read_answer(parse_record(line).answer)[1] for line in lines]


@pytest.mark.parametrize(("wrong", "promoted"), [(0.0, True), (0.04, True), (0.2, False)])
def test_a_copy_passes_and_one_that_is_worse_by_more_than_the_margin_never(
    classes: list[str], wrong: float, promoted: bool
) -> None:
    scores = tool_scores(round(wrong * 150))
    for seed in range(5):
        rows = random.Random(seed).sample(range(500), round(wrong * 500))
        answered = on_calls([row not in set(rows) for row in range(500)], classes)
        result = decided(scores, answered, "margin: 0.1\nmin_records: 500")
        assert (result.verdict == "promote") is promoted
        found = result.candidates[0].difference
        assert found is not None
        assert found.value == pytest.approx(-wrong)
        assert found.low <= -wrong <= found.high <= 0
        assert found.low < found.high or wrong == 0


def test_two_models_are_compared_by_whole_calls() -> None:
    after = on_calls([True] * 90 + [False] * 10, ["search"] * 50 + ["book"] * 50)
    before = on_calls([True] * 60 + [False] * 40, ["search"] * 50 + ["book"] * 50)
    intervals = tuple(tool_scores(wrong, n=100).of("tool_calls") for wrong in (10, 40))
    found = compare_paired("old", after, before, intervals, "tool_calls", 400, 0.95, 1)  # type: ignore[arg-type]
    assert (found.score.change, found.score.before, found.score.after) == ("improved", 0.6, 0.9)
    assert {c.label: c.change for c in found.classes} == {"search": "same", "book": "improved"}
    test = mcnemar(after.expected, after.labels, before.labels)
    assert (test.only_candidate_right, test.only_reference_right) == (30, 0)


def test_on_other_records_tools_are_compared_by_their_exact_calls() -> None:
    good, poor = tool_scores(0), tool_scores(75)
    headlines = good.of("tool_calls"), poor.of("tool_calls")
    found = compare_unpaired("old", good, poor, headlines)  # type: ignore[arg-type]
    assert found.score.change == "improved"
    assert {c.label: (c.before, c.after) for c in found.classes} == dict.fromkeys(TOOLS, (0.5, 1.0))
