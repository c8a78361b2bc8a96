"""One record of every group that asks the same. Pure."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


class Distinct(NamedTuple):
    """The rows kept, and what became of the others."""

    rows: Numbers  # in their order
    duplicates: int  # the same, letter by letter, as an earlier row
    near_duplicates: int  # the same but for case, white space, links and punctuation
    conflicting: int  # of both, those with another class than the row kept


def keep_first(rows: Numbers, exact: Numbers, near: Numbers, classes: Numbers) -> Distinct:
    """Of rows with the same `near` number keep the first (the newest, as the log is read).

    So a near-duplicate can never stand in evaluation and in training at once.
    """
    _, first, group = np.unique(near[rows], return_index=True, return_inverse=True)
    kept = rows[np.sort(first)]
    keepers = rows[first][group]  # for each row, the row of its group that is kept
    _, first_exact = np.unique(exact[rows], return_index=True)
    repeats_exactly = np.ones(len(rows), dtype=bool)
    repeats_exactly[first_exact] = False
    dropped = keepers != rows
    return Distinct(
        kept,
        int((dropped & repeats_exactly).sum()),
        int((dropped & ~repeats_exactly).sum()),
        int((dropped & (classes[rows] != classes[keepers])).sum()),
    )
