"""From answers to scores."""

from collections.abc import Sequence
from statistics import fmean

import numpy as np

from flywheel.errors import DataError
from flywheel.evaluation.cost import request_cost
from flywheel.evaluation.scores import ClassScore, Confusion, Scores
from flywheel.settings import EvaluationConfig
from flywheel.settings.sections import ModelPrice

OTHER = "(another label)"
UNPARSEABLE = "(no label)"


def score(
    expected: Sequence[str],
    answered: Sequence[str | None],
    seconds: Sequence[float],
    input_tokens: Sequence[int],
    output_tokens: Sequence[int],
    config: EvaluationConfig,
    seed: int,
    price: ModelPrice | None = None,
) -> Scores:
    """The scores of one model; the sequences have one entry per evaluation record.

    `answered` is None where an answer had no readable label. The classes that count are those
    that occur in `expected`, all of them and no other: any other answer, readable or not, is
    wrong and lowers the recall of the class that it missed, but is not a class of its own. So
    a model that invents labels cannot move the number of classes that the mean runs over.

    Macro-F1 is the unweighted mean of the classes' F1; F1 is 2 tp / (2 tp + fp + fn), and 0 for
    a class that was never answered. Raises DataError where there is nothing to score.
    """
    if not expected:
        raise DataError("The evaluation set is empty.", "Choose a larger evaluation set.")
    # Slow to import, and whoever only starts or shows runs has no use for them.
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    from flywheel.evaluation.intervals import bootstrap_f1, wilson

    classes = sorted(set(expected))
    answers = [_column(answer, classes) for answer in answered]
    columns = classes + [name for name in (OTHER, UNPARSEABLE) if name in answers]
    counts = confusion_matrix(expected, answers, labels=columns)
    macro_f1, weighted_f1 = bootstrap_f1(
        counts[: len(classes)], config.bootstrap_resamples, config.confidence, seed
    )
    correct = sum(e == a for e, a in zip(expected, answers, strict=True))
    table = precision_recall_fscore_support(expected, answers, labels=classes, zero_division=0.0)
    means = fmean(seconds), fmean(input_tokens), fmean(output_tokens)
    p50, p95, p99 = (float(t) for t in np.quantile(seconds, [0.5, 0.95, 0.99]))
    cost = None if price is None else request_cost(price, *means)
    return Scores(
        n=len(expected),
        macro_f1=macro_f1,
        weighted_f1=weighted_f1,
        accuracy=wilson(correct, len(expected), config.confidence),
        balanced_accuracy=fmean(table[1]),
        per_class=[
            ClassScore(label=label, precision=p, recall=r, f1=f1, support=support)
            for label, p, r, f1, support in zip(classes, *table, strict=True)
        ],
        confusion=Confusion(labels=columns, counts=counts.tolist()),
        unparseable=sum(answer is None for answer in answered),
        seconds=means[0],
        seconds_p50=p50,
        seconds_p95=p95,
        seconds_p99=p99,
        input_tokens=means[1],
        output_tokens=means[2],
        cost_per_1000=cost,
        cost_per_1000_correct=None
        if cost is None or not correct
        else cost * len(answers) / correct,
        seed=seed,
    )


def _column(answer: str | None, classes: Sequence[str]) -> str:
    if answer is None:
        return UNPARSEABLE
    return answer if answer in classes else OTHER
