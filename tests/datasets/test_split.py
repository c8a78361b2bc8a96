"""The split: disjoint, exhaustive, stratified, repeatable."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flywheel.datasets.split import Flags, Rows, Split, check_splittable
from flywheel.datasets.split import split as split_rows
from flywheel.errors import DataError
from flywheel.settings import DataSplitConfig

CLASSES = st.lists(st.integers(0, 60), min_size=2, max_size=14).filter(
    lambda sizes: sum(1 for n in sizes if n) > 1
)
CONFIGS = st.builds(
    DataSplitConfig,
    eval_size=st.integers(1, 120),
    val_ratio=st.floats(0, 0.6),
    min_total_records=st.just(2),
    stratify_enabled=st.booleans(),
    min_samples_per_class=st.integers(1, 6),
    rare_class_threshold=st.integers(0, 4),
)


def rows_of(sizes: list[int], seed: int = 0) -> np.ndarray:
    rows = np.repeat(np.arange(len(sizes)), sizes)
    return np.random.default_rng(seed).permutation(rows)


def split(
    rows: np.ndarray,
    config: DataSplitConfig,
    seed: int,
    known: Flags | None = None,
    groups: Rows | None = None,
) -> Split:
    assert config.eval_size != "auto"
    check_splittable(rows, config, False)
    return split_rows(rows, config, seed, eval_size=config.eval_size, known=known, groups=groups)


def made(sizes: list[int], seed: int = 1, **config: object) -> tuple[np.ndarray, Split]:
    rows = rows_of(sizes)
    return rows, split(rows, DataSplitConfig.model_validate(config), seed)


@given(CLASSES, CONFIGS, st.integers(0, 2**32 - 1))
@settings(max_examples=200)
def test_every_row_is_in_one_set(sizes: list[int], config: DataSplitConfig, seed: int) -> None:
    rows = rows_of(sizes)
    parts = split(rows, config, seed)
    everything = np.concatenate([parts.eval, parts.train, parts.val])
    assert sorted(everything.tolist()) == list(range(len(rows)))


@given(CLASSES, CONFIGS, st.integers(0, 2**32 - 1))
def test_the_same_seed_is_the_same_split(
    sizes: list[int], config: DataSplitConfig, seed: int
) -> None:
    rows = rows_of(sizes)
    once, again = split(rows, config, seed), split(rows, config, seed)
    for one, other in zip(once[:4], again[:4], strict=True):
        assert one.tolist() == other.tolist()


@given(CLASSES, CONFIGS, st.integers(0, 2**32 - 1))
@settings(max_examples=200)
def test_training_has_every_class_and_all_of_the_rare_ones(
    sizes: list[int], config: DataSplitConfig, seed: int
) -> None:
    rows = rows_of(sizes)
    parts = split(rows, config, seed)
    in_train = Counter(rows[parts.train].tolist())
    for label, size in Counter(rows.tolist()).items():
        assert in_train[label] >= 1
        if size <= config.rare_class_threshold:
            assert in_train[label] == size


@given(CLASSES, CONFIGS, st.integers(0, 2**32 - 1))
@settings(max_examples=200)
def test_sizes_are_exact_or_a_note_says_why(
    sizes: list[int], config: DataSplitConfig, seed: int
) -> None:
    rows = rows_of(sizes)
    parts = split(rows, config, seed)
    if len(parts.eval) != config.eval_size:
        assert len(parts.eval) < config.eval_size
        assert any("held out" in note for note in parts.notes)
    wanted = round((len(rows) - len(parts.eval)) * config.val_ratio)
    assert len(parts.val) <= wanted
    common = [
        n for n in sizes if n > max(config.rare_class_threshold, config.min_samples_per_class)
    ]
    if sum(common) == len(rows):  # nothing rare: only the last row of a class is out of reach
        assert len(parts.val) >= min(wanted, len(rows) - len(parts.eval) - len(common))


@given(
    st.lists(st.integers(10, 80), min_size=2, max_size=8),
    st.integers(8, 60),
    st.integers(0, 1000),
)
@settings(max_examples=200)
def test_each_class_has_its_share_within_rounding(
    sizes: list[int], eval_size: int, seed: int
) -> None:
    assume(2 * eval_size <= sum(sizes))
    rows, parts = made(sizes, seed, eval_size=eval_size, min_total_records=2)
    whole = np.bincount(rows)
    held_out = np.bincount(rows[parts.eval], minlength=len(sizes))
    assert held_out.min() >= 1
    check_shares(held_out, whole)
    check_shares(np.bincount(rows[parts.val], minlength=len(sizes)), whole - held_out)


def check_shares(taken: np.ndarray, sizes: np.ndarray) -> None:
    """Each class has its share, unless small ones are given a row of the large ones."""
    shares = sizes * taken.sum() / sizes.sum()
    if shares.min() >= 1:
        assert np.abs(taken - shares).max() < 1


def test_a_class_with_few_records_is_scored_where_there_is_room() -> None:
    rows, parts = made([900, 95, 3, 2], eval_size=50)
    assert Counter(rows[parts.eval].tolist()) == {0: 44, 1: 4, 2: 1, 3: 1}


def test_where_there_is_no_room_the_large_classes_come_first() -> None:
    rows, parts = made([100] * 5 + [10] * 20, eval_size=5)
    assert Counter(rows[parts.eval].tolist()) == dict.fromkeys(range(5), 1)


def test_small_classes_share_one_place_in_the_split() -> None:
    rows, parts = made([400, 400, *[4] * 50], eval_size=100, min_samples_per_class=5)
    in_eval = Counter(rows[parts.eval].tolist())
    assert (in_eval[0], in_eval[1]) == (40, 40)
    assert sum(n for label, n in in_eval.items() if label > 1) == 20


def test_rare_classes_are_for_training_only_and_a_note_says_so() -> None:
    rows, parts = made([100, 100, 1, 1, 3], eval_size=20, rare_class_threshold=3, val_ratio=0.5)
    assert not set(rows[parts.eval].tolist()) & {2, 3, 4}
    assert not set(rows[parts.val].tolist()) & {2, 3, 4}
    assert parts.notes == [
        "3 classes have at most 3 records each and can only be trained on, not scored."
    ]


def test_another_seed_is_another_split() -> None:
    one, other = made([50, 50], seed=1, eval_size=20)[1], made([50, 50], seed=2, eval_size=20)[1]
    assert set(one.eval.tolist()) != set(other.eval.tolist())


def test_without_stratification_chance_decides() -> None:
    evals = [
        Counter(rows[parts.eval].tolist())[1]
        for rows, parts in (
            made([50, 50], seed=seed, eval_size=20, stratify_enabled=False) for seed in range(9)
        )
    ]
    assert len(set(evals)) > 1


def test_evaluation_takes_at_most_half() -> None:
    _, parts = made([40, 20], eval_size=100)
    assert len(parts.eval) == 30
    assert parts.notes == [
        (
            "Of only 60 usable records 30 are held out for evaluation instead of 100, so that half "
            "are left to train on."
        )
    ]


def test_many_tiny_classes_leave_less_to_hold_out() -> None:
    _, parts = made([2] * 20 + [1] * 30, eval_size=30, val_ratio=0)
    assert len(parts.eval) == 20
    assert parts.notes[-1] == (
        "20 instead of 30 records could be held out for evaluation without taking the last "
        "record of a class from training."
    )


def test_too_few_records() -> None:
    with pytest.raises(DataError) as caught:
        made([20, 20])
    assert caught.value.message == "Only 40 usable records are left; at least 50 are needed."
    assert "min_total_records" in caught.value.hint


def test_one_class_teaches_nothing() -> None:
    with pytest.raises(DataError, match="All 80 usable records have the same label"):
        made([80])


def test_a_hundred_thousand_rows_take_no_time() -> None:
    rows, parts = made([50_000, 30_000, 15_000, 4_990, *[1] * 10], eval_size=1000)
    assert len(parts.eval) == 1000
    assert abs(np.count_nonzero(rows[parts.val] == 0) - 4950) <= 5


@given(CLASSES, CONFIGS, st.integers(0, 2**32 - 1), st.floats(0, 1))
@settings(max_examples=200)
def test_what_is_known_is_never_held_out(
    sizes: list[int], config: DataSplitConfig, seed: int, share: float
) -> None:
    rows = rows_of(sizes)
    known = np.random.default_rng(seed).random(len(rows)) < share
    parts = split(rows, config, seed, known)
    assert not known[parts.eval].any()
    everything = np.concatenate([parts.eval, parts.train, parts.val])
    assert sorted(everything.tolist()) == list(range(len(rows)))
    if len(parts.eval) < config.eval_size:
        assert parts.notes


def test_what_the_run_before_held_out_is_held_out_again() -> None:
    rows, before = made([300, 200, 100], eval_size=60, seed=1)
    known = np.ones(len(rows), dtype=bool)
    known[before.eval] = False
    again = split(rows, DataSplitConfig(eval_size=60), 2, known)
    assert sorted(again.eval.tolist()) == sorted(before.eval.tolist())


GROUPS = st.integers(1, 40)


@given(CLASSES, CONFIGS, st.integers(0, 2**32 - 1), GROUPS, st.sampled_from(["stratified", "time"]))
@settings(max_examples=300)
def test_no_group_straddles_and_evaluation_has_one_record_of_each(
    sizes: list[int], config: DataSplitConfig, seed: int, spread: int, holdout: str
) -> None:
    rows = rows_of(sizes)
    groups = np.random.default_rng(seed).integers(0, max(len(rows) * spread // 40, 1), len(rows))
    config = config.model_copy(update={"holdout": holdout})
    parts = split(rows, config, seed, groups=groups)
    everything = np.concatenate([parts.eval, parts.train, parts.val, parts.set_aside])
    assert sorted(everything.tolist()) == list(range(len(rows)))
    held_out, train, val = (set(groups[part].tolist()) for part in parts[:3])
    assert not held_out & train
    assert not held_out & val
    assert not train & val
    assert len(held_out) == len(parts.eval)
    assert set(groups[parts.set_aside].tolist()) <= held_out
    for row in parts.eval:  # the newest of its group
        assert row == np.flatnonzero(groups == groups[row])[0]
    assert 2 * len(parts.eval) <= len(np.unique(groups))


@given(CLASSES, CONFIGS, st.integers(0, 2**32 - 1))
def test_groups_of_one_change_nothing(sizes: list[int], config: DataSplitConfig, seed: int) -> None:
    rows = rows_of(sizes)
    alone = np.random.default_rng(seed).permutation(len(rows))
    for one, other in zip(
        split(rows, config, seed)[:4], split(rows, config, seed, groups=alone)[:4], strict=True
    ):
        assert one.tolist() == other.tolist()


def test_a_group_with_a_known_row_is_not_held_out() -> None:
    rows = rows_of([100, 100])
    groups = np.arange(200) // 2  # pairs
    known = np.zeros(200, dtype=bool)
    known[1:100:2] = True  # the older row of half of the pairs
    parts = split(rows, DataSplitConfig(eval_size=50), 1, known, groups)
    assert len(parts.eval) == 50
    assert parts.eval.min() >= 100


def test_by_time_the_newest_are_held_out_and_new_classes_are_named() -> None:
    rows = np.concatenate([np.full(10, 2), np.tile([0, 1], 95)])
    config = DataSplitConfig(eval_size=30, holdout="time")
    parts = split(rows, config, 1)
    assert sorted(parts.eval.tolist()) == list(range(30))
    assert parts.notes == ["1 class occurs only in the newest records: no candidate can know it."]
    known = np.arange(200) < 5
    assert sorted(split(rows, config, 1, known).eval.tolist()) == list(range(5, 35))


def test_with_nothing_to_hold_out_all_is_for_training_and_validation() -> None:
    rows = rows_of([100, 99, 1])
    parts = split_rows(rows, DataSplitConfig(val_ratio=0.25), 1, eval_size=0)
    assert (len(parts.eval), len(parts.train), len(parts.val)) == (0, 150, 50)
    assert parts.notes == []
