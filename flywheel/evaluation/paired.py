"""Two models on the same records: how much better or worse, and how sure."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import BaseModel, Field

from flywheel.errors import DataError
from flywheel.evaluation.headline import Metric
from flywheel.evaluation.resampling import (
    Counts,
    Numbers,
    bounds,
    centred,
    draws,
    f1_scores,
    smoothing,
)

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

    The sequences have one entry per record; None is an answer without a readable label, or one
    that is wrong by a measure without labels. Every metric but the two F1 is the share of right
    answers (similarity has `paired_means`). Records are drawn with both answers, so what the two
    models have in common cancels out. Where the reference is right everywhere, as the teacher is
    on its own labels, there is nothing uncertain about it. Equal seeds give equal results.
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
    low, high, p_value = _found(value, drawn, perfect, margin, confidence)
    return Difference(
        metric=metric,
        value=value,
        low=low,
        high=high,
        confidence=confidence,
        margin=margin,
        p_value=p_value,
        n=len(expected),
        method=f"smoothed stratified paired bootstrap, {resamples} resamples",
    )


def paired_means(
    candidate: Sequence[float | None],
    reference: Sequence[float | None],
    margin: float,
    resamples: int,
    confidence: float,
    seed: int,
) -> Difference:
    """Smoothed paired bootstrap of the difference of two mean similarities, each from 0 to 1.

    One entry per record; a record that lacks one of the two scores is left out. What is drawn
    are records with both scores (Efron & Tibshirani, An Introduction to the Bootstrap, 1993,
    chapter 8), from those seen and, as in `resampling`, a little weight for a record on which one
    model does as well as can be and the other as badly. Raises DataError where no record has both
    scores.
    """
    both = zip(candidate, reference, strict=True)
    seen = Counter((c, r) for c, r in both if c is not None and r is not None)
    n = seen.total()
    if not n:
        raise DataError("No record has been judged for both models.")
    perfect = all(r == 1 for _, r in seen)
    added = float(smoothing(np.array([n]))[0])
    weights: dict[tuple[float, float], float] = defaultdict(float, seen)
    weights[1.0, 1.0] += added
    weights[0.0, 1.0] += added if perfect else added / 2
    if not perfect:
        weights[1.0, 0.0] += added / 2
    pairs = np.array(sorted(weights))
    gaps = pairs[:, 0] - pairs[:, 1]
    counts = np.array([seen[c, r] for c, r in pairs.tolist()], dtype=np.int64)
    weight = np.array([weights[c, r] for c, r in pairs.tolist()])
    value = float(counts @ gaps / n)
    one_class = np.zeros(len(pairs), dtype=np.int64)
    drawn = np.concatenate(
        [
            some @ gaps / some.sum(axis=1)
            for some in draws(one_class, counts, weight, resamples, seed)
        ]
    )
    low, high, p_value = _found(value, drawn, perfect, margin, confidence)
    return Difference(
        metric="similarity",
        value=value,
        low=low,
        high=high,
        confidence=confidence,
        margin=margin,
        p_value=p_value,
        n=n,
        method=f"smoothed paired bootstrap, {resamples} resamples",
    )


def _found(
    value: float, drawn: Numbers, perfect: bool, margin: float, confidence: float
) -> tuple[float, float, float]:
    """The bounds of a difference, and its one-sided p-value, from what was drawn."""
    drawn = centred(value, drawn)
    low, high = bounds(value, drawn, confidence)
    low, high = max(low, -1.0), min(high, 1.0)  # centring may push them beyond
    if perfect:
        high = min(high, 0.0)  # nothing is better than right everywhere
    # With the one seen among them, so that it is never 0 (Davison & Hinkley 1997, eq. 4.11).
    return low, high, float((np.count_nonzero(drawn <= -margin) + 1) / (len(drawn) + 1))


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
        if self._metric in {"macro_f1", "weighted_f1"}:
            macro, weighted = f1_scores(counts @ self._support, counts @ answers, correct)
            return macro if self._metric == "macro_f1" else weighted
        shares: Numbers = correct.sum(axis=1) / counts.sum(axis=1)
        return shares


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
