"""A run's overrides are merged into the configured values, key by key."""

from collections.abc import Callable
from typing import Any

import pytest

from flywheel.errors import SettingsError
from flywheel.settings import RunConfig, Settings, merge_run_config

Load = Callable[..., Settings]


@pytest.fixture
def settings(load: Load) -> Settings:
    return load(
        """
data_split_config: {eval_size: 70, random_seed: 7, limit: 900, min_total_records: 60}
training_config: {epochs: 3}
local_platform_config: {candidates: [tfidf-svm, hashing-sgd]}
prices: {currency: EUR, models: {"tfidf-*": {per_hour: 0.1}}}
"""
    )


def test_an_override_of_one_key_leaves_the_others(settings: Settings) -> None:
    config = merge_run_config(settings, {"limit": 400})
    split = config.data_split_config
    assert split.limit == 400
    assert split == settings.data_split_config.model_copy(update={"limit": 400})
    assert config.training_config == settings.training_config
    assert config.candidates == ["tfidf-svm", "hashing-sgd"]
    assert config.prices == settings.prices


def test_without_overrides_it_is_what_is_configured(settings: Settings) -> None:
    nothing = {"limit": None, "eval_size": None, "random_seed": None, "candidates": None}
    config = merge_run_config(settings, nothing)
    assert config == merge_run_config(settings, {})
    assert config.data_split_config == settings.data_split_config


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("eval_size", 12, lambda c: c.data_split_config.eval_size == 12),
        ("eval_size", "12", lambda c: c.data_split_config.eval_size == 12),
        ("limit", "null", lambda c: c.data_split_config.limit is None),
        ("data_split_config.val_ratio", 0.3, lambda c: c.data_split_config.val_ratio == 0.3),
        ("evaluation_config.confidence", "0.9", lambda c: c.evaluation_config.confidence == 0.9),
        ("epochs", 5, lambda c: c.training_config.epochs == 5),
        (
            "training_config.learning_rate",
            "1e-3",
            lambda c: c.training_config.learning_rate == 1e-3,
        ),
        ("lora_config.adapter_dim", 8, lambda c: c.lora_config.adapter_dim == 8),
        ("candidates", ["tfidf-logreg"], lambda c: c.candidates == ["tfidf-logreg"]),
        ("candidates", "b, a,b", lambda c: c.candidates == ["b", "a"]),
    ],
)
def test_every_kind_of_override(
    settings: Settings, name: str, value: Any, read: Callable[[RunConfig], bool]
) -> None:
    assert not read(merge_run_config(settings, {}))
    assert read(merge_run_config(settings, {name: value}))


def test_a_seed_of_nothing_is_drawn_and_kept(settings: Settings) -> None:
    configs = [merge_run_config(settings, {"random_seed": "null"}) for _ in range(4)]
    seeds = {config.data_split_config.random_seed for config in configs}
    assert None not in seeds
    assert len(seeds) > 1
    assert merge_run_config(settings, {}).data_split_config.random_seed == 7


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        ({"eval_sise": 3}, "eval_sise is not a setting of a run; did you mean eval_size?"),
        (
            {"evaluation.confidence": 0.8},
            ("evaluation.confidence is not a setting of a run; "
            "did you mean evaluation_config.confidence?"),
        ),
        (
            {"limit": 0},
            "limit (data_split_config.limit) must be a whole number of at least 1, or null, not 0.",
        ),
        (
            {"epochs": True},
            "epochs (training_config.epochs) must be a whole number of at least 1, not true.",
        ),
        (
            {"evaluation_config.confidence": "high"},
            'evaluation_config.confidence must be a number above 0.5 and below 1, not "high".',
        ),
        (
            {"candidates": []},
            "candidates must be a list with at least one entry, not an empty one.",
        ),
        ({"candidates": "[a"}, "candidates starts like JSON but is not valid JSON."),
        ({"prices": {}}, ("prices is not a setting of a run; those are candidates and the keys of "
         "data_split_config, evaluation_config, training_config, lora_config, icl_config, "
             "student_config, sweep_config.")),
    ],
)  # fmt: skip
def test_a_wrong_override_is_one_line(
    settings: Settings, overrides: dict[str, Any], line: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        merge_run_config(settings, overrides)
    assert str(caught.value) == line


def test_it_survives_json(settings: Settings) -> None:
    config = merge_run_config(settings, {"limit": 400})
    assert RunConfig.model_validate_json(config.model_dump_json()) == config
