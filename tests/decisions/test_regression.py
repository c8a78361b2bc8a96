"""Better, the same or worse: only where an interval says so."""

import numpy as np

from flywheel.decisions.regression import Answered, Regression, compare_paired, compare_unpaired
from flywheel.evaluation.metrics import score
from flywheel.evaluation.scores import Scores
from flywheel.settings import EvaluationConfig

LABELS = [f"class-{i}" for i in range(20)]


def answered(n: int, right: float, seed: int, poor: str | None = None) -> Answered:
    """A model that is right with that probability, and on `poor` hardly ever."""
    rng = np.random.default_rng(seed)
    expected = [LABELS[row % 20] for row in range(n)]
    labels = [
        e if rng.random() < (0.1 if e == poor else right) else LABELS[rng.integers(20)]
        for e in expected
    ]
    return Answered(expected, labels)


def scored(answers: Answered) -> Scores:
    n = len(answers.expected)
    return score(
        answers.expected, answers.labels, [0.001] * n, [10] * n, [2] * n,
        EvaluationConfig(bootstrap_resamples=300), seed=1,
    )  # fmt: skip


def paired(after: Answered, before: Answered) -> Regression:
    headlines = scored(after).macro_f1, scored(before).macro_f1
    return compare_paired("old (r-1)", after, before, headlines, "macro_f1", 500, 0.95, 1)


def test_a_class_that_was_lost_is_named_and_no_other() -> None:
    before = answered(1000, 0.9, seed=1)
    lost = Answered(
        before.expected,
        [
            None if e == "class-3" else a
            for e, a in zip(before.expected, before.labels, strict=True)
        ],
    )
    found = paired(lost, before)
    assert [c.label for c in found.classes if c.change == "worse"] == ["class-3"]
    assert [c.label for c in found.classes if c.change == "improved"] == []
    assert found.score.change == "worse"
    assert found.score.low < found.score.after - found.score.before < found.score.high < 0


def test_equally_good_models_are_the_same() -> None:
    changes = {
        change.change
        for seed in range(5)
        for change in paired(answered(600, 0.8, 10 + seed), answered(600, 0.8, 50 + seed)).classes
    }
    assert changes == {"same"}


def test_an_improvement_is_seen_on_other_records_too() -> None:
    before, after = answered(2000, 0.7, seed=1, poor="class-7"), answered(2000, 0.9, seed=2)
    old, new = scored(before), scored(after)
    found = compare_unpaired("old (r-1)", new, old, (new.macro_f1, old.macro_f1))
    assert not found.paired
    assert found.score.change == "improved"
    by_label = {c.label: c for c in found.classes}
    assert by_label["class-7"].change == "improved"
    assert len(by_label) == 20


def test_classes_that_only_one_of_them_met_are_left_out() -> None:
    few = Answered(LABELS[:3] * 20, LABELS[:3] * 20)
    many = scored(answered(200, 0.9, 1))
    found = compare_unpaired("old", scored(few), many, (scored(few).macro_f1, many.macro_f1))
    assert [c.label for c in found.classes] == LABELS[:3]
