"""Two models on the same records: how much better or worse, and how sure."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, Field

from flywheel.evaluation.resampling import (
    Counts,
    Numbers,
    bounds,
    centred,
    draws,
    f1_scores,
    smoothing,
)

Metric = Literal["macro_f1", "weighted_f1", "accuracy"]
METRICS: dict[Metric, str] = {  # as people read them
    "macro_f1": "macro-F1",
    "weighted_f1": "weighted F1",
    "accuracy": "accuracy",
}
Labels = Sequence[str | None]
_Cell = tuple[int, int, int]  # the class, the candidate's answer, the reference's


class Difference(BaseModel):
    """Candidate minus reference, on the same records."""

    metric: Metric
    value: float
    low: float
    high: float
    confidence: float = Field(description="Of the two-sided interval, e.g. 0.95")
    margin: float
    p_value: float = Field(
        description="One-sided, of the hypothesis that the difference is at or below -margin"
    )
    n: int = Field(description="Records")
    method: str


class McNemar(BaseModel):
    """McNemar's test of two accuracies on the same records."""

    only_candidate_right: int
    only_reference_right: int
    p_value: float
    method: str


def paired_difference(
    expected: Sequence[str],
    candidate: Labels,
    reference: Labels,
    metric: Metric,
    margin: float,
    resamples: int,
    confidence: float,
    seed: int,
) -> Difference:
    """Smoothed, stratified, paired bootstrap of the difference (see `resampling`).

    The sequences have one entry per record; None is an answer without a readable label. Records
    are drawn with both answers, so what the two models have in common cancels out. Where the
    reference is right everywhere, as the teacher is on its own labels, there is nothing uncertain
    about it. Equal seeds give equal results.
    """
    classes = {label: number for number, label in enumerate(sorted(set(expected)))}
    nowhere = len(classes)
    numbered = zip(expected, candidate, reference, strict=True)
    seen = Counter(
        (classes[e], classes.get(c or "", nowhere), classes.get(r or "", nowhere))
        for e, c, r in numbered
    )
    perfect = all(e == r for e, _, r in seen)
    weights = _smoothed(seen, nowhere, perfect)
    cells = np.array(list(weights), dtype=np.int64)
    counts = np.array([seen[cell] for cell in weights], dtype=np.int64)
    weight = np.array(list(weights.values()), dtype=np.float64)

    score = _Scorer(cells, nowhere, metric)
    value = float(score.difference(counts[None])[0])
    drawn = np.concatenate(
        [score.difference(some) for some in draws(cells[:, 0], counts, weight, resamples, seed)]
    )
    drawn = centred(value, drawn)
    low, high = bounds(value, drawn, confidence)
    low, high = max(low, -1.0), min(high, 1.0)  # centring may push them beyond
    if perfect:
        high = min(high, 0.0)  # nothing is better than right everywhere
    return Difference(
        metric=metric,
        value=value,
        low=low,
        high=high,
        confidence=confidence,
        margin=margin,
        # With the one seen among them, so that it is never 0 (Davison & Hinkley 1997, eq. 4.11).
        p_value=float((np.count_nonzero(drawn <= -margin) + 1) / (resamples + 1)),
        n=len(expected),
        method=f"smoothed stratified paired bootstrap, {resamples} resamples",
    )


def _smoothed(seen: Mapping[_Cell, int], classes: int, perfect: bool) -> dict[_Cell, float]:
    """The weights that cells are drawn by, in a fixed order.

    Either of the two models may be the wrong one, but not a `perfect` reference.
    """
    sizes = np.zeros(classes, dtype=np.int64)
    for (label, _, _), n in seen.items():
        sizes[label] += n
    weights: dict[_Cell, float] = defaultdict(float, seen)
    for label, added in enumerate(smoothing(sizes).tolist()):
        weights[label, label, label] += added
        weights[label, classes, label] += added if perfect else added / 2
        if not perfect:
            weights[label, label, classes] += added / 2
    return dict(sorted(weights.items()))


class _Scorer:
    """The metric of both models, from counts of cells (expected, candidate's, reference's)."""

    def __init__(self, cells: Counts, classes: int, metric: Metric) -> None:
        self._metric = metric
        of_class = np.arange(classes)
        self._support = (cells[:, 0, None] == of_class).astype(np.float64)
        self._answers = [(cells[:, model, None] == of_class).astype(np.float64) for model in (1, 2)]

    def difference(self, counts: Counts) -> Numbers:
        """Candidate minus reference, for each row of counts."""
        return self._score(counts, 0) - self._score(counts, 1)

    def _score(self, counts: Counts, model: int) -> Numbers:
        answers = self._answers[model]
        correct = counts @ (self._support * answers)
        if self._metric == "accuracy":
            shares: Numbers = correct.sum(axis=1) / counts.sum(axis=1)
            return shares
        macro, weighted = f1_scores(counts @ self._support, counts @ answers, correct)
        return macro if self._metric == "macro_f1" else weighted


def mcnemar(expected: Sequence[str], candidate: Labels, reference: Labels) -> McNemar:
    """McNemar's test (Psychometrika 12, 1947), exact: whether the accuracies differ."""
    from statsmodels.stats.contingency_tables import mcnemar as test

    table = np.zeros((2, 2), dtype=np.int64)
    for e, c, r in zip(expected, candidate, reference, strict=True):
        table[int(c == e), int(r == e)] += 1
    return McNemar(
        only_candidate_right=int(table[1, 0]),
        only_reference_right=int(table[0, 1]),
        p_value=float(test(table, exact=True).pvalue),
        method="McNemar's test, exact",
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for their number (Holm, Scandinavian Journal of Statistics 6, 1979)."""
    if len(p_values) == 1:  # nothing to correct, and the library takes a second to import
        return list(p_values)
    from statsmodels.stats.multitest import multipletests

    return [float(p) for p in multipletests(list(p_values), method="holm")[1]]
