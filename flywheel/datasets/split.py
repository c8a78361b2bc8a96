"""Split into evaluation, training and validation records. Pure and seeded."""

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
    set_aside: Rows  # nearly repeat a record of the evaluation set, so they are in no set
    notes: list[str]


def split(
    labels: Sequence[int] | Rows,
    config: DataSplitConfig,
    seed: int,
    *,
    eval_size: int,
    known: Flags | None = None,
    groups: Rows | None = None,
) -> Split:
    """Divide rows by the class of each (`labels[row]`, from 0); the newest row is the first.

    Rows of one of the `groups` nearly repeat each other. A group is drawn as one: for
    evaluation only its newest row is taken and the others are set aside, otherwise all of it
    goes to the same set. So no set has a record that nearly repeats one of another set, and
    those of the evaluation set are independent of each other.

    The sets are disjoint, and every row is in one of them or set aside. The evaluation set has
    exactly `eval_size` rows, but never more than half of all groups. With the holdout
    'stratified' each class has its share of the groups in evaluation and validation to within
    one (largest remainder), but at least one where there is room for every class, at the expense
    of the large ones. The last group of a class is for training. Classes with at most
    `rare_class_threshold` groups are for training only; those with fewer than
    `min_samples_per_class` are grouped with each other for the split. With the holdout 'time'
    the newest groups are evaluated, whatever their class. Rows that are `known` (to a model
    that will be compared on the evaluation set) are never in it, nor their groups. The same
    labels, settings and seed give the same split.
    """
    classes = np.asarray(labels, dtype=np.int64)
    of_group = np.arange(len(classes)) if groups is None else groups
    numbers, newest, of_group = np.unique(of_group, return_index=True, return_inverse=True)
    # Groups in the order of their newest row; a group has the class of that row.
    place = np.empty(len(numbers), dtype=np.int64)
    place[np.argsort(newest)] = np.arange(len(numbers))
    of_group, newest = place[of_group], np.sort(newest)
    of_newest = classes[newest]
    total = len(newest)
    known_groups = np.zeros(total, dtype=bool)
    if known is not None:
        known_groups[of_group[known]] = True

    notes: list[str] = []
    wanted = eval_size
    if wanted > total // 2:
        wanted = total // 2
        notes.append(
            f"Of only {count(total)} usable records {count(wanted)} are held out for evaluation "
            f"instead of {count(eval_size)}, so that half are left to train on."
        )
    order = np.random.default_rng(seed).permutation(total)
    sizes = np.bincount(of_newest)
    strata = _strata(of_newest, sizes, config)
    training_only = _training_only(order, of_newest, sizes, known_groups, config)
    if config.holdout == "time":
        held_out = np.flatnonzero(~known_groups)[:wanted]
    else:
        held_out = _take(order, strata, training_only | known_groups, wanted)
        if eval_size:
            notes += _notes(sizes, config, wanted - len(held_out), wanted, bool(known_groups.any()))
    rest = order[~np.isin(order, held_out)]
    validation = _take(rest, strata, training_only, round(len(rest) * config.val_ratio))
    training = rest[~np.isin(rest, validation)]
    if config.holdout == "time":
        notes += _new_classes(of_newest[held_out], of_newest[training])

    members = _Members(of_group, total)
    together = members.of(held_out)
    return Split(
        eval=newest[held_out],
        train=members.of(training),
        val=members.of(validation),
        set_aside=together[~np.isin(together, newest[held_out])],
        notes=notes,
    )


def check_splittable(labels: Rows, config: DataSplitConfig, one_class_will_do: bool) -> None:
    """Whether there is something to learn from.

    Raises DataError for fewer rows than `min_total_records`, or for a single class.
    """
    if len(labels) < config.min_total_records:
        raise DataError(
            f"Only {count(len(labels))} usable records are left; at least "
            f"{count(config.min_total_records)} are needed.",
            "Import more records, or lower data_split_config.min_total_records.",
        )
    if not one_class_will_do and len(np.unique(labels)) < 2:
        raise DataError(
            f"All {count(len(labels))} usable records have the same label: there is nothing to "
            "learn.",
            "Look at the log with `flywheel logs workloads`.",
        )


class _Members:
    """The rows of each group, found by sorting once."""

    def __init__(self, of_group: Rows, groups: int) -> None:
        self._rows = np.argsort(of_group, kind="stable")
        self._ends = np.cumsum(np.bincount(of_group, minlength=groups))

    def of(self, groups: Rows) -> Rows:
        """The rows of these groups, group by group."""
        if not len(groups):
            return np.zeros(0, dtype=np.int64)
        return np.concatenate(
            [self._rows[self._ends[g - 1] if g else 0 : self._ends[g]] for g in groups.tolist()]
        )


def _notes(
    sizes: Rows, config: DataSplitConfig, missing: int, wanted: int, some_are_known: bool
) -> list[str]:
    """What the stratified evaluation set could not have, one sentence each."""
    notes = []
    most = config.rare_class_threshold
    few = np.count_nonzero((sizes > 0) & (sizes <= most))
    if few:
        which = "1 class has" if few == 1 else f"{few} classes have"
        each = f"record{'' if most == 1 else 's'}{'' if few == 1 else ' each'}"
        notes.append(f"{which} at most {most} {each} and can only be trained on, not scored.")
    if missing:
        why = "taking the last record of a class from training"
        if some_are_known:
            why = f"{why}, or those that the incumbent was trained on"
        notes.append(
            f"{count(wanted - missing)} instead of {count(wanted)} records could be held out for "
            f"evaluation without {why}."
        )
    return notes


def _new_classes(held_out: Rows, training: Rows) -> list[str]:
    """Classes that only the newest records have."""
    new = len(np.setdiff1d(held_out, training))
    if not new:
        return []
    which = "1 class occurs" if new == 1 else f"{new} classes occur"
    return [
        f"{which} only in the newest records: no candidate can know {'it' if new == 1 else 'them'}."
    ]


def _training_only(
    order: Rows, classes: Rows, sizes: Rows, known: Flags, config: DataSplitConfig
) -> Flags:
    """Rare classes, and of every class the one that training keeps: a known one if there is."""
    training_only: Flags = sizes[classes] <= config.rare_class_threshold
    known_first = order[np.argsort(~known[order], kind="stable")]
    training_only[known_first[np.unique(classes[known_first], return_index=True)[1]]] = True
    return training_only


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
