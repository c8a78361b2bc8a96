"""One record of every group that asks the same, with the label that most of them have. Pure."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


class Distinct(NamedTuple):
    """The rows kept, and what became of the others."""

    rows: Numbers  # in their order
    duplicates: int  # left out, the same, letter by letter, as an earlier row
    near_duplicates: int  # left out, the same but for case, white space, links and punctuation
    conflicting: int  # of both, those with another class than the row kept
    tied: int  # rows of texts whose classes have no majority; none of them is kept
    tied_texts: int
    repeated: "Repeated"


class Repeated(NamedTuple):
    """Texts that were asked more than once: does the teacher answer alike?"""

    texts: int
    of_one_class: int  # texts that always had the same class
    records: int  # of these texts
    of_majority: int  # of these records, those with the most frequent class of their text
    conflicts: list[Numbers]  # the rows of every text with more than one class, first asked first


def distinct(rows: Numbers, exact: Numbers, near: Numbers, classes: Numbers) -> Distinct:
    """Of rows with the same `near` number keep one: the first (newest) of the majority's class.

    The majority is more than half. Where no class has it, nobody knows the right answer, and
    none is kept. `exact`, `near` and `classes` are by row number.
    """
    _, group, sizes = np.unique(near[rows], return_inverse=True, return_counts=True)
    pairs, pair_of = np.unique(
        group * (classes.max(initial=0) + 1) + classes[rows], return_inverse=True
    )
    votes = np.bincount(pair_of, minlength=len(pairs))
    group_of_pair = pairs // (classes.max(initial=0) + 1)
    most = np.zeros(len(sizes), dtype=np.int64)
    np.maximum.at(most, group_of_pair, votes)
    settled = 2 * most > sizes
    in_majority = settled[group] & (votes[pair_of] == most[group])

    candidates = np.flatnonzero(in_majority)
    _, first = np.unique(group[candidates], return_index=True)
    keepers = candidates[first]  # one place per settled group, in the order of the groups
    kept = rows[np.sort(keepers)]

    dropped = settled[group]
    dropped[keepers] = False
    _, first_exact = np.unique(exact[rows], return_index=True)
    repeats_exactly = np.ones(len(rows), dtype=bool)
    repeats_exactly[first_exact] = False
    several = sizes > 1
    kinds = np.bincount(group_of_pair, minlength=len(sizes))
    return Distinct(
        kept,
        duplicates=int((dropped & repeats_exactly).sum()),
        near_duplicates=int((dropped & ~repeats_exactly).sum()),
        conflicting=int((dropped & ~in_majority).sum()),
        tied=int((~settled[group]).sum()),
        tied_texts=int((~settled).sum()),
        repeated=Repeated(
            texts=int(several.sum()),
            of_one_class=int((several & (kinds == 1)).sum()),
            records=int(sizes[several].sum()),
            of_majority=int(most[several].sum()),
            conflicts=_rows_of(rows, group, np.flatnonzero(kinds > 1)),
        ),
    )


def _rows_of(rows: Numbers, group: Numbers, wanted: Numbers) -> list[Numbers]:
    """The rows of each wanted group, the groups by their first row."""
    places = np.flatnonzero(np.isin(group, wanted))
    ordered = places[np.argsort(group[places], kind="stable")]
    cuts = np.flatnonzero(np.diff(group[ordered])) + 1
    parts = [rows[part] for part in np.split(ordered, cuts)] if len(ordered) else []
    return sorted(parts, key=lambda part: int(part[0]))
