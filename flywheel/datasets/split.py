"""Stratified split into evaluation, training and validation records. Pure and seeded."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flywheel.errors import DataError
from flywheel.formatting import count
from flywheel.settings import DataSplitConfig

Rows = NDArray[np.int64]


class Split(NamedTuple):
    """Row numbers of each set, in a seeded random order, and the fallbacks that were taken."""

    eval: Rows
    train: Rows
    val: Rows
    notes: list[str]


def split(labels: Sequence[int] | Rows, config: DataSplitConfig, seed: int) -> Split:
    """Divide rows by the class of each (`labels[row]`, from 0).

    The sets are disjoint and hold every row. The evaluation set has exactly `eval_size` rows,
    but never more than half of all. Within evaluation and validation each class has its share
    to within one row (largest remainder), at least one row where there is room, and never the
    last row that training could have. Classes with at most `rare_class_threshold` rows are for
    training only; those with fewer than `min_samples_per_class` are grouped with each other for
    the split. The same labels, settings and seed give the same split.

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
    if np.count_nonzero(sizes) < 2:
        raise DataError(
            f"All {count(total)} usable records have the same label: there is nothing to learn.",
            "Look at the log with `flywheel logs workloads`.",
        )
    rng = np.random.default_rng(seed)
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
        few = int(np.count_nonzero((sizes > 0) & (sizes <= config.rare_class_threshold)))
        notes.append(
            f"{few} {'class has' if few == 1 else 'classes have'} at most "
            f"{config.rare_class_threshold} record each and can only be trained on, not scored."
        )
    strata = _strata(classes, sizes, config)
    order = rng.permutation(total)
    held_out = _take(strata, order[~rare[order]], wanted, rng)
    if len(held_out) < wanted:
        notes.append(
            f"{count(len(held_out))} instead of {count(wanted)} records could be held out for "
            "evaluation without taking the last record of a class from training."
        )
    rest = order[~np.isin(order, held_out)]
    validation = _take(strata, rest, round(len(rest) * config.val_ratio), rng)
    training = rest[~np.isin(rest, validation)]
    return Split(held_out, training, validation, notes)


def _strata(classes: Rows, sizes: Rows, config: DataSplitConfig) -> Rows:
    """What each row is stratified by: its class, or the group of the small classes."""
    if not config.stratify_enabled:
        return np.zeros_like(classes)
    small = sizes[classes] < config.min_samples_per_class
    return np.where(small, len(sizes), classes)


def _take(strata: Rows, rows: Rows, wanted: int, rng: np.random.Generator) -> Rows:
    """`wanted` of these rows, each stratum by its share; the order of `rows` decides which."""
    if wanted <= 0 or not len(rows):
        return rows[:0]
    names, inverse, available = np.unique(strata[rows], return_inverse=True, return_counts=True)
    quotas = _allocate(available, wanted)
    taken = [rows[inverse == i][: quotas[i]] for i in range(len(names))]
    return np.asarray(rng.permutation(np.concatenate(taken)), dtype=np.int64)


def _allocate(available: Rows, wanted: int) -> Rows:
    """How many rows of each stratum to take: by largest remainder, each but one at most."""
    most = available - 1
    wanted = min(wanted, int(most.sum()))
    shares = available * (wanted / available.sum())
    quotas: Rows = np.minimum(np.floor(shares).astype(np.int64), most)
    if wanted >= np.count_nonzero(most):  # room for everyone: nobody is left out
        quotas = np.maximum(quotas, np.minimum(1, most))
    # Largest remainder first; the stratum number breaks ties, so that the result is one.
    while (missing := wanted - int(quotas.sum())) != 0:
        if missing > 0:
            open_ = np.flatnonzero(quotas < most)
            first = open_[np.argsort(quotas[open_] - shares[open_], kind="stable")][:missing]
            quotas[first] += 1
        else:
            spare = np.flatnonzero(quotas > np.minimum(1, most))
            last = spare[np.argsort(shares[spare] - quotas[spare], kind="stable")][:-missing]
            quotas[last] -= 1
    return quotas
