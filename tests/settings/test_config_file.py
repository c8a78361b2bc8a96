"""The documented settings file, and one of the blueprint's shape."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from flywheel.settings import Settings, endpoints, load_settings, nemo, sections
from flywheel.settings.sections import RunConfig, Secrets, Section

REPOSITORY = Path(__file__).parents[2]
CONFIG = REPOSITORY / "config" / "config.yaml"
BLUEPRINT = Path(__file__).parent / "blueprint_config.yaml"

SECTIONS_IN_FILES = [
    model
    for model in {**vars(sections), **vars(endpoints), **vars(nemo)}.values()
    if isinstance(model, type)
    and issubclass(model, Section)
    and model not in {Section, Secrets, RunConfig}
]


def test_the_documented_values_are_the_defaults() -> None:
    loaded = load_settings(CONFIG, {})
    defaults = Settings(home=loaded.home)
    examples = {"nims", "prices"}
    assert loaded.model_dump(exclude=examples) == defaults.model_dump(exclude=examples)


def test_the_documented_file_is_read_where_there_is_no_other(tmp_path: Path) -> None:
    packaged = load_settings(environ={"FLYWHEEL_HOME": str(tmp_path)})
    assert packaged == load_settings(CONFIG, {"FLYWHEEL_HOME": str(tmp_path)})


@pytest.mark.parametrize("model", SECTIONS_IN_FILES, ids=lambda model: model.__name__)
def test_every_key_is_in_the_documented_file(model: type[BaseModel]) -> None:
    text = CONFIG.read_text(encoding="utf-8")
    for key in set(model.model_fields) - {"home", "secrets"}:
        assert re.search(rf"^[ #-]*{key}:", text, re.MULTILINE), f"{key} is not documented"


def test_the_example_candidates_and_prices() -> None:
    settings = load_settings(CONFIG, {})
    assert [nim.model_name for nim in settings.nims] == [
        "meta/llama-3.2-1b-instruct",
        "meta/llama-3.2-3b-instruct",
        "meta/llama-3.1-8b-instruct",
    ]
    assert all(nim.customizer_configs for nim in settings.nims)
    assert "meta/llama-3.3-70b-instruct" in settings.prices.models
    for candidate in settings.local_platform_config.candidates:
        family = candidate.partition("-")[0]
        assert settings.prices.models[f"{family}-*"].per_hour > 0


def test_a_file_written_for_the_blueprint_loads_unchanged() -> None:
    settings = load_settings(BLUEPRINT, {})
    assert settings.nmp_config.nmp_namespace == "team-news"
    assert settings.logging_config.level == "WARNING"
    assert settings.mlflow_config.experiment_name_prefix == "news-flywheel"
    assert settings.llm_judge_config.deployment_type == "local"
    assert settings.llm_judge_config.gpus == 4
    first, second = settings.nims
    assert first.customizer_configs is not None
    assert first.customizer_configs.micro_batch_size == 4
    assert first.customizer_configs.use_sequence_parallel is True
    assert second.customization_enabled is False
    split = settings.data_split_config
    assert (split.eval_size, split.random_seed, split.limit) == (150, None, 1000)
    assert split.stratify_enabled is True
    similarity = settings.icl_config.similarity_config
    assert similarity is not None
    assert similarity.embedding_nim_config is not None
    assert similarity.embedding_nim_config.pvc_size == "25Gi"
    assert similarity.embedding_nim_config.model_type == "embedding"
    assert settings.training_config.learning_rate == 0.0002
    assert settings.lora_config.adapter_alpha == 16
