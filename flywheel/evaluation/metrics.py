"""From answers to scores."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from statistics import fmean
from typing import TypedDict

import numpy as np

from flywheel.errors import DataError
from flywheel.evaluation.cost import cost_per_correct, request_cost
from flywheel.evaluation.scores import ClassScore, Confusion, Scores
from flywheel.evaluation.token_f1 import token_f1
from flywheel.evaluation.tool_calls import CallComparison, tool_call_scores
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
    *,
    texts: tuple[Sequence[str], Sequence[str]] | None = None,
    known_classes: Iterable[str] = (),
) -> Scores:
    """The scores of one model; the sequences have one entry per evaluation record.

    `answered` is None where an answer had no readable label. The classes that count are those
    that occur in `expected`, all of them and no other: any other answer, readable or not, is
    wrong and lowers the recall of the class that it missed, but is not a class of its own. So
    a model that invents labels cannot move the number of classes that the mean runs over.

    `texts` are the answers and the reference answers as they were given, for the token-overlap
    F1; `known_classes` those of the log, of which some may have no evaluation record. Latency
    percentiles are interpolated between the two nearest requests (numpy's default).

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
    usage = _usage(seconds, input_tokens, output_tokens, price)
    return Scores(
        n=len(expected),
        macro_f1=macro_f1,
        weighted_f1=weighted_f1,
        accuracy=wilson(correct, len(expected), config.confidence),
        # `balanced_accuracy_score` would warn of every answer that is no class.
        balanced_accuracy=fmean(table[1]),
        token_f1=None if texts is None else token_f1(*texts),
        per_class=[
            ClassScore(
                label=label,
                precision=p,
                recall=r,
                f1=f1,
                support=support,
                recall_interval=wilson(int(counts[i, i]), int(support), config.confidence),
            )
            for i, (label, p, r, f1, support) in enumerate(zip(classes, *table, strict=True))
        ],
        absent_classes=sorted(set(known_classes) - set(classes)),
        confusion=Confusion(labels=columns, counts=counts.tolist()),
        unparseable=sum(answer is None for answer in answered),
        cost_per_correct=cost_per_correct(usage["cost_per_1000"], len(expected), correct),
        seed=seed,
        **usage,
    )


def with_tool_calls(
    scores: Scores, compared: Sequence[CallComparison], confidence: float, broken_schemas: int
) -> Scores:
    """The scores of a tool-calling model, from those of its choice of functions.

    `compared` has one entry per evaluation record. A record is right where its calls are the
    expected ones, with equal arguments. Raises DataError where there is no record.
    """
    tools = tool_call_scores(compared, confidence, broken_schemas)
    correct = sum(record.same_calls for record in compared)
    return scores.model_copy(
        update={
            "workload_type": "tool_calling",
            "accuracy": tools.function_name_and_args_accuracy,
            "tools": tools,
            "unparseable": tools.unparseable,
            "cost_per_correct": cost_per_correct(scores.cost_per_1000, tools.n, correct),
        }
    )


def score_texts(
    answers: Sequence[str],
    references: Sequence[str],
    seconds: Sequence[float],
    input_tokens: Sequence[int],
    output_tokens: Sequence[int],
    seed: int,
    price: ModelPrice | None = None,
) -> Scores:
    """What can be measured of free text without a judge; the sequences have one entry per record.

    An empty answer counts as one that cannot be read. Raises DataError where there is no record.
    """
    if not answers:
        raise DataError("The evaluation set is empty.", "Choose a larger evaluation set.")
    return Scores(
        workload_type="generic",
        n=len(answers),
        macro_f1=None,
        weighted_f1=None,
        accuracy=None,
        token_f1=token_f1(answers, references),
        per_class=[],
        confusion=Confusion(labels=[], counts=[]),
        unparseable=sum(not answer.strip() for answer in answers),
        seed=seed,
        **_usage(seconds, input_tokens, output_tokens, price),
    )


class _Usage(TypedDict):
    """The part of the scores that no answer has a say in."""

    seconds: float
    seconds_p50: float
    seconds_p95: float
    seconds_p99: float
    input_tokens: float
    output_tokens: float
    cost_per_1000: Decimal | None


def _usage(
    seconds: Sequence[float],
    input_tokens: Sequence[int],
    output_tokens: Sequence[int],
    price: ModelPrice | None,
) -> _Usage:
    means = fmean(seconds), fmean(input_tokens), fmean(output_tokens)
    p50, p95, p99 = (float(time) for time in np.percentile(seconds, (50, 95, 99)))
    return {
        "seconds": means[0],
        "seconds_p50": p50,
        "seconds_p95": p95,
        "seconds_p99": p99,
        "input_tokens": means[1],
        "output_tokens": means[2],
        "cost_per_1000": None if price is None else request_cost(price, *means),
    }


def _column(answer: str | None, classes: Sequence[str]) -> str:
    if answer is None:
        return UNPARSEABLE
    return answer if answer in classes else OTHER
