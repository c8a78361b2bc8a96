"""Which combinations a sweep tries."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from flywheel.errors import SettingsError
from flywheel.settings.sweep import SweepConfig, SweepRange
from flywheel.sweeps.space import combinations, in_words

RATE, RANK = "training_config.learning_rate", "lora_config.adapter_dim"


def config(**more: Any) -> SweepConfig:
    return SweepConfig.model_validate({"parameters": {"c": [1]}, **more})


def test_a_grid_is_every_combination_once() -> None:
    found = combinations({RATE: [1e-4, 1e-3], RANK: [8, 16, 32]}, config(search="grid"), 1, {RANK})
    assert len(found) == 6
    assert {(one[RATE], one[RANK]) for one in found} == {
        (rate, rank) for rate in (1e-4, 1e-3) for rank in (8, 16, 32)
    }


def test_a_grid_larger_than_the_budget_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"9 combinations, and sweep_config\.budget is 8"):
        combinations({RATE: [1, 2, 3], RANK: [1, 2, 3]}, config(search="grid"), 1, set())


def test_few_values_are_all_drawn_and_none_twice() -> None:
    found = combinations({RANK: [8, 16, 32]}, config(search="random", budget=50), 1, {RANK})
    assert sorted(one[RANK] for one in found) == [8, 16, 32]


@given(
    seed=st.integers(0, 2**32 - 1),
    budget=st.integers(2, 20),
    scale=st.sampled_from(["log", "linear"]),
)
def test_what_is_drawn_lies_within_its_range_and_comes_again_with_its_seed(
    seed: int, budget: int, scale: Any
) -> None:
    space: dict[str, Any] = {
        RATE: SweepRange(low=1e-5, high=1e-2, scale=scale),
        RANK: SweepRange(low=1, high=1000, scale=scale),
    }
    sweep = config(search="random", budget=budget)
    found = combinations(space, sweep, seed, {RANK})
    assert len(found) == budget
    assert found == combinations(space, sweep, seed, {RANK})
    for one in found:
        rate, rank = one[RATE], one[RANK]
        assert isinstance(rate, float)
        assert isinstance(rank, int)
        assert 0.99e-5 <= rate <= 1.01e-2  # three digits are kept
        assert 1 <= rank <= 1000
    assert len({tuple(one.items()) for one in found}) == budget


def test_a_logarithmic_scale_draws_small_values_as_often_as_large_ones() -> None:
    space: Any = {RATE: SweepRange(low=1e-6, high=1)}
    found = combinations(space, config(search="random", budget=400), 3, set())
    small = sum(one[RATE] < 1e-3 for one in found)
    assert 0.4 < small / len(found) < 0.6


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"search": "grid", "parameters": {}}, "needs parameters"),
        ({"search": "grid", "parameters": {"c": {"low": 1, "high": 2}}}, "not a range"),
        ({"parameters": {"c": {"low": 2, "high": 1}}}, "low has to be below high"),
        ({"parameters": {"c": {"low": 0, "high": 1}}}, "begins above 0"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_an_error(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        SweepConfig.model_validate(given)


def test_parameters_in_words() -> None:
    assert in_words({RATE: 3e-4, RANK: 16}) == "adapter_dim 16, learning_rate 0.0003"
