"""The class of every record, once all answers of the workload have been read. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flywheel.datasets.labels import Labels, known_labels
from flywheel.datasets.reading import LABEL, TEXT, TOOLS

NO_CLASS = -1
ANSWER = "answer"  # the one class of free text

Numbers = NDArray[np.int64]


class Classes(NamedTuple):
    """`of_row[row]` is an index into `names`, or NO_CLASS for a record that is left out."""

    workload_type: str
    names: list[str]
    of_row: Numbers
    wrong_type: int  # records of the other type
    unlabeled: int  # records of the right type without a readable label


def assign(kinds: Numbers, answers: Numbers, texts: Sequence[str], workload_type: str) -> Classes:
    """Give every row its class.

    `kinds[row]` says what its answer holds, `answers[row]` is the index of the answer in
    `texts`. With the workload type 'auto' the majority decides between tool calls and labels;
    free text ('generic') has one class.
    """
    tools = kinds == TOOLS
    if workload_type == "generic":
        return Classes(
            workload_type,
            [ANSWER],
            np.where(tools, NO_CLASS, 0),
            wrong_type=int(tools.sum()),
            unlabeled=0,
        )
    if workload_type == "auto":
        mostly_tools = 2 * int(tools.sum()) > len(kinds)
        workload_type = "tool_calling" if mostly_tools else "classification"
    fits = tools if workload_type == "tool_calling" else ~tools

    labels = _learn(kinds, answers, texts)
    numbers: dict[str, int] = {}
    of_row = np.full(len(kinds), NO_CLASS, dtype=np.int64)
    pairs, rows = np.unique(kinds * len(texts) + answers, return_inverse=True)
    of_pair = np.full(len(pairs), NO_CLASS, dtype=np.int64)
    for i, pair in enumerate(pairs):
        kind, answer = divmod(int(pair), len(texts))
        name = _name(kind, texts[answer], labels)
        if name is not None:
            of_pair[i] = numbers.setdefault(name, len(numbers))
    of_row[fits] = of_pair[rows[fits]]
    unlabeled = int((of_row[fits] == NO_CLASS).sum())
    return Classes(workload_type, list(numbers), of_row, int((~fits).sum()), unlabeled)


def _name(kind: int, text: str, labels: Labels) -> str | None:
    if kind == TOOLS:
        return text
    return labels.spelling(text) if kind == LABEL else labels.extract(text)


def _learn(kinds: Numbers, answers: Numbers, texts: Sequence[str]) -> Labels:
    def counts(kind: int) -> dict[str, int]:
        found = np.bincount(answers[kinds == kind], minlength=len(texts))
        return {texts[i]: int(found[i]) for i in np.flatnonzero(found).tolist()}

    return known_labels(counts(LABEL), counts(TEXT))
