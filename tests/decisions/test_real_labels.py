"""Planted models on real headlines: the verdict is the one that the plant deserves."""

from collections.abc import Sequence

import numpy as np
import pytest

from flywheel.datasets.split import split
from flywheel.decisions.clauses import Measured, ReferenceModel
from flywheel.decisions.policy import policy_document
from flywheel.decisions.rule import recommend
from flywheel.decisions.verdict import Recommendation
from flywheel.evaluation.metrics import score
from flywheel.evaluation.paired import paired_difference
from flywheel.settings import DataSplitConfig, EvaluationConfig
from tests.support.records import real_labels

POLICY = policy_document("margin: 0.03\n", "policy.yaml")
TEACHER = ReferenceModel("the teacher", None)


@pytest.fixture(scope="module")
def labels() -> list[str]:
    return real_labels("news_topics.jsonl.gz")


def held_out(labels: Sequence[str], n: int, seed: int) -> list[str]:
    """The labels of a stratified evaluation set."""
    names = sorted(set(labels))
    numbers = [names.index(label) for label in labels]
    rows = split(numbers, DataSplitConfig(), seed, eval_size=n).eval
    return [labels[row] for row in rows]


def with_mistakes(expected: Sequence[str], share: float, seed: int) -> list[str | None]:
    """As the teacher, but wrong on that share of every class."""
    rng = np.random.default_rng(seed)
    names = sorted(set(expected))
    return [
        names[(names.index(label) + 1) % len(names)] if rng.random() < share else label
        for label in expected
    ]


def decided(expected: Sequence[str], answers: Sequence[str | None], seed: int) -> Recommendation:
    n = len(expected)
    scores = score(
        expected, answers, [0.001] * n, [10] * n, [2] * n,
        EvaluationConfig(bootstrap_resamples=500), seed,
    )  # fmt: skip
    difference = paired_difference(
        expected, answers, expected, "macro_f1", POLICY.parsed().margin, 500, 0.95, seed
    )
    return recommend([Measured("planted", scores, difference)], TEACHER, POLICY, None, "USD")


def test_a_copy_of_the_teacher_is_promoted(labels: list[str]) -> None:
    expected = held_out(labels, 1000, seed=1)
    assert decided(expected, list(expected), 1).verdict == "promote"


def test_a_worse_candidate_never_is(labels: list[str]) -> None:
    verdicts = set()
    for seed in range(25):
        expected = held_out(labels, 1000, seed)
        verdicts.add(decided(expected, with_mistakes(expected, 0.06, seed), seed).verdict)
    assert "promote" not in verdicts
    assert "keep" in verdicts


def test_a_hundred_records_do_not_show_a_small_difference(labels: list[str]) -> None:
    for seed in range(10):
        expected = held_out(labels, 100, seed)
        result = decided(expected, with_mistakes(expected, 0.02, seed), seed)
        assert result.verdict == "insufficient-data"
