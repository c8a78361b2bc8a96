"""What became better or worse since a model before: said only where an interval shows it. Pure.

Classes are many, and one of twenty would differ by luck: their intervals are at a level corrected
for their number (Bonferroni).
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import BaseModel, Field

from flywheel.decisions.answered import Answered, difference
from flywheel.evaluation.headline import Metric
from flywheel.evaluation.scores import Interval, Scores

Change = Literal["improved", "same", "worse"]


class Shift(BaseModel):
    """The change of one number, the new one minus the old one."""

    before: float
    after: float
    low: float
    high: float
    change: Change = Field(description="'same' where the interval holds 0: no change is shown")


class ClassShift(Shift):
    """The change of the recall of one class."""

    label: str
    n_before: int
    n_after: int


class Regression(BaseModel):
    """A model against one before it."""

    against: str = Field(description="'tfidf-svm (r-3)'")
    paired: bool = Field(description="Both answered the same evaluation records")
    method: str
    score: Shift = Field(description="Of the policy's metric")
    classes: list[ClassShift] = Field(description="That both have records of; by label")


def comparable(after: Scores, before: Scores, metric: Metric) -> bool:
    """Whether the same was measured of both, by the same judge where one gave the score."""
    if before.workload_type != after.workload_type or before.of(metric) is None:
        return False
    if metric != "similarity" or after.judge is None or before.judge is None:
        return True
    return (after.judge.model, after.judge.prompt_digest) == (
        before.judge.model,
        before.judge.prompt_digest,
    )


CLASS_RESAMPLES = 20_000  # far tails, few records: more of them, and cheap


def compare_paired(
    against: str,
    after: Answered,
    before: Answered,
    scores: tuple[Interval, Interval],
    metric: Metric,
    resamples: int,
    confidence: float,
    seed: int,
) -> Regression:
    """Two models on the same records; `scores` are the headline scores after and before.

    Overall and within the records of each class, where there are classes: paired bootstrap.
    Raises DataError where no record was judged for both.
    """
    rows_of: dict[str, list[int]] = {}
    for row, label in enumerate(after.expected if metric != "similarity" else ()):
        rows_of.setdefault(label, []).append(row)
    level = _corrected(confidence, len(rows_of))
    classes = []
    for label, rows in sorted(rows_of.items()):
        low, high = _bounds(after, before, rows, "accuracy", CLASS_RESAMPLES, level, seed)
        classes.append(
            ClassShift(
                label=label,
                n_before=len(rows),
                n_after=len(rows),
                before=_share_right(before, rows),
                after=_share_right(after, rows),
                low=low,
                high=high,
                change=change_of(low, high),
            )
        )
    every = range(len(after.expected))
    low, high = _bounds(after, before, every, metric, resamples, confidence, seed)
    return Regression(
        against=against,
        paired=True,
        method="paired bootstrap over the same records",
        score=Shift(
            after=scores[0].value,
            before=scores[1].value,
            low=low,
            high=high,
            change=change_of(low, high),
        ),
        classes=classes,
    )


def compare_unpaired(
    against: str, after: Scores, before: Scores, headlines: tuple[Interval, Interval]
) -> Regression:
    """Two models on different records, by their scores alone.

    The interval of the difference is put together from those of the two (square-and-add:
    Newcombe, Statistics in Medicine 17, 1998; Zou & Donner, Statistics in Medicine 27, 2008).
    """
    from flywheel.evaluation.intervals import wilson

    new, old = dict(_recalls(after)), dict(_recalls(before))
    confidence = _corrected(headlines[0].confidence, len(new))
    classes = []
    for label in sorted(new.keys() & old.keys()):
        (right, n), (was_right, n_before) = new[label], old[label]
        if not n or not n_before:
            continue
        shift = _square_and_add(
            wilson(right, n, confidence), wilson(was_right, n_before, confidence)
        )
        classes.append(ClassShift(label=label, n_before=n_before, n_after=n, **shift.model_dump()))
    return Regression(
        against=against,
        paired=False,
        method="difference of two independent scores, square-and-add",
        score=_square_and_add(*headlines),
        classes=classes,
    )


def _recalls(scores: Scores) -> Iterator[tuple[str, tuple[int, int]]]:
    """By class, or by tool where there are tools: what was right, and all there was of it."""
    if scores.tools is not None:
        for tool in scores.tools.per_tool:
            yield tool.tool, (round(tool.exact_recall * tool.support), tool.support)
        return
    for row in scores.per_class:
        yield row.label, (round(row.recall * row.support), row.support)


def _corrected(confidence: float, classes: int) -> float:
    return 1 - (1 - confidence) / max(classes, 1)


def _bounds(
    after: Answered,
    before: Answered,
    rows: Sequence[int],
    metric: Metric,
    resamples: int,
    confidence: float,
    seed: int,
) -> tuple[float, float]:
    found = difference(
        after.at(rows),
        before.at(rows),
        metric,
        margin=0.0,
        resamples=resamples,
        confidence=confidence,
        seed=seed,
    )
    return found.low, found.high


def _square_and_add(after: Interval, before: Interval) -> Shift:
    value = after.value - before.value
    low = value - ((after.value - after.low) ** 2 + (before.high - before.value) ** 2) ** 0.5
    high = value + ((after.high - after.value) ** 2 + (before.value - before.low) ** 2) ** 0.5
    return Shift(
        before=before.value, after=after.value, low=low, high=high, change=change_of(low, high)
    )


def _share_right(answered: Answered, rows: Sequence[int]) -> float:
    return sum(answered.expected[row] == answered.labels[row] for row in rows) / len(rows)


def change_of(low: float, high: float) -> Change:
    """What an interval of the difference, newer minus older, shows."""
    if low > 0:
        return "improved"
    return "worse" if high < 0 else "same"
