"""Stratified split into evaluation, training and validation records. Pure and seeded."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flywheel.errors import DataError
from flywheel.formatting import count
from flywheel.settings import DataSplitConfig

Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Split(NamedTuple):
    """Row numbers of each set, in a seeded random order, and the fallbacks that were taken."""

    eval: Rows
    train: Rows
    val: Rows
    notes: list[str]


def split(
    labels: Sequence[int] | Rows,
    config: DataSplitConfig,
    seed: int,
    known: Flags | None = None,
    one_class_will_do: bool = False,
) -> Split:
    """Divide rows by the class of each (`labels[row]`, from 0).

    The sets are disjoint and hold every row. The evaluation set has exactly `eval_size` rows,
    but never more than half of all. Within evaluation and validation each class has its share
    to within one row (largest remainder), but at least one row where there is room for every
    class, at the expense of the large ones. The last row of a class is for training. Classes
    with at most `rare_class_threshold` rows are for training only; those with fewer than
    `min_samples_per_class` are grouped with each other for the split. Rows that are `known` (to a
    model that will be compared on the evaluation set) are never in it. The same labels, settings
    and seed give the same split.

    Raises DataError for fewer rows than `min_total_records`, or for a single class.
    """
    classes = np.asarray(labels, dtype=np.int64)
    total = len(classes)
    if total < config.min_total_records:
        raise DataError(
            f"Only {count(total)} usable records are left; at least "
            f"{count(config.min_total_records)} are needed.",
            "Import more records, or lower data_split_config.min_total_records.",
        )
    sizes = np.bincount(classes)
    if not one_class_will_do and np.count_nonzero(sizes) < 2:
        raise DataError(
            f"All {count(total)} usable records have the same label: there is nothing to learn.",
            "Look at the log with `flywheel logs workloads`.",
        )
    notes: list[str] = []
    wanted = config.eval_size
    if wanted > total // 2:
        wanted = total // 2
        notes.append(
            f"Of only {count(total)} usable records {count(wanted)} are held out for evaluation "
            f"instead of {count(config.eval_size)}, so that half are left to train on."
        )
    rare = sizes[classes] <= config.rare_class_threshold
    if rare.any():
        few = np.count_nonzero((sizes > 0) & (sizes <= config.rare_class_threshold))
        most = config.rare_class_threshold
        which = "1 class has" if few == 1 else f"{few} classes have"
        each = f"record{'' if most == 1 else 's'}{'' if few == 1 else ' each'}"
        notes.append(f"{which} at most {most} {each} and can only be trained on, not scored.")
    strata = _strata(classes, sizes, config)
    order = np.random.default_rng(seed).permutation(total)
    known = np.zeros(total, dtype=bool) if known is None else known
    training_only = rare.copy()
    known_first = order[np.argsort(~known[order], kind="stable")]
    training_only[known_first[np.unique(classes[known_first], return_index=True)[1]]] = True

    held_out = _take(order, strata, training_only | known, wanted)
    if len(held_out) < wanted:
        why = "taking the last record of a class from training"
        if known.any():
            why = f"{why}, or those that the incumbent was trained on"
        notes.append(
            f"{count(len(held_out))} instead of {count(wanted)} records could be held out for "
            f"evaluation without {why}."
        )
    rest = order[~np.isin(order, held_out)]
    validation = _take(rest, strata, training_only, round(len(rest) * config.val_ratio))
    training = rest[~np.isin(rest, validation)]
    return Split(held_out, training, validation, notes)


def _strata(classes: Rows, sizes: Rows, config: DataSplitConfig) -> Rows:
    """What each row is stratified by: its class, or the group of the small classes."""
    if not config.stratify_enabled:
        return np.zeros_like(classes)
    small = sizes[classes] < config.min_samples_per_class
    return np.where(small, len(sizes), classes)


def _take(rows: Rows, strata: Rows, training_only: Flags, wanted: int) -> Rows:
    """`wanted` of these rows, each stratum by its share; the first rows of each are taken."""
    names, inverse, sizes = np.unique(strata[rows], return_inverse=True, return_counts=True)
    free = ~training_only[rows]
    quotas = _allocate(sizes, np.bincount(inverse[free], minlength=len(names)), wanted)
    taken = np.zeros(len(rows), dtype=bool)
    for stratum, quota in enumerate(quotas):
        taken[np.flatnonzero(free & (inverse == stratum))[:quota]] = True
    return rows[taken]


def _allocate(sizes: Rows, most: Rows, wanted: int) -> Rows:
    """How many rows of each stratum to take: by largest remainder, `most[i]` of it at most."""
    wanted = min(wanted, int(most.sum()))
    open_to_all = np.where(most > 0, sizes, 0)
    shares = open_to_all * (wanted / max(open_to_all.sum(), 1))
    quotas: Rows = np.minimum(np.floor(shares).astype(np.int64), most)
    least = np.minimum(1, most) if wanted >= np.count_nonzero(most) else np.zeros_like(most)
    quotas = np.maximum(quotas, least)
    # Largest remainder first; the stratum number breaks ties, so that the result is one.
    while (missing := wanted - int(quotas.sum())) != 0:
        if missing > 0:
            below = np.flatnonzero(quotas < most)
            first = below[np.argsort(quotas[below] - shares[below], kind="stable")][:missing]
            quotas[first] += 1
        else:
            above = np.flatnonzero(quotas > least)
            first = above[np.argsort(shares[above] - quotas[above], kind="stable")][:-missing]
            quotas[first] -= 1
    return quotas
