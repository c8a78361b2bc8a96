"""Where values come from, and which source wins."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from flywheel.errors import SettingsError
from flywheel.settings import Settings, load_settings

Load = Callable[..., Settings]


def test_the_environment_wins_over_the_file_and_the_file_over_the_defaults(load: Load) -> None:
    yaml = "data_split_config: {eval_size: 20, limit: 30}"
    split = load(yaml, FLYWHEEL_DATA_SPLIT_CONFIG__EVAL_SIZE="200").data_split_config
    assert (split.eval_size, split.limit, split.min_total_records) == (200, 30, 50)


def test_a_given_file_wins_over_a_named_one_and_that_over_the_one_at_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for path, seed in [
        (home / "config.yaml", 1),
        (tmp_path / "n.yaml", 2),
        (tmp_path / "g.yaml", 3),
    ]:
        path.write_text(f"data_split_config: {{random_seed: {seed}}}")
    environ = {"FLYWHEEL_HOME": str(home)}
    named = environ | {"FLYWHEEL_CONFIG": str(tmp_path / "n.yaml")}

    def seed(settings: Settings) -> int | None:
        return settings.data_split_config.random_seed

    assert seed(load_settings(environ=environ)) == 1
    assert seed(load_settings(environ=named)) == 2
    assert seed(load_settings(tmp_path / "g.yaml", named)) == 3


def test_home_is_flywheel_home_or_a_folder_in_the_users_home(tmp_path: Path) -> None:
    assert load_settings(environ={"FLYWHEEL_HOME": str(tmp_path)}).home == tmp_path
    assert load_settings(environ={}).home == Path.home() / ".flywheel"


def test_home_is_not_read_from_a_file(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("home: elsewhere")
    with pytest.raises(SettingsError) as caught:
        load_settings(config, {})
    assert str(caught.value) == f"home in {config} is not read from a file; set FLYWHEEL_HOME."


def test_lists_objects_and_nothing_in_the_environment(load: Load) -> None:
    settings = load(
        "data_split_config: {limit: 5, eval_size: 7}\napproval_config: {approvers: [U9]}",
        FLYWHEEL_APPROVAL_CONFIG__APPROVERS="U1, U2",
        FLYWHEEL_LOCAL_PLATFORM_CONFIG__CANDIDATES='["tfidf-svm"]',
        FLYWHEEL_DATA_SPLIT_CONFIG__LIMIT="null",
        FLYWHEEL_DATA_SPLIT_CONFIG__RANDOM_SEED="",
        FLYWHEEL_DATA_SPLIT_CONFIG__STRATIFY_ENABLED="false",
        FLYWHEEL_TRAINING_CONFIG__LEARNING_RATE="1e-3",
        FLYWHEEL_NIMS='[{"model_name": "a/b"}]',
        FLYWHEEL_PRICES__MODELS='{"tfidf-*": {"per_hour": "0.25"}}',
        FLYWHEEL_ICL_CONFIG__SIMILARITY_CONFIG__RELEVANCE_RATIO="0.5",
    )
    assert settings.approval_config.approvers == ["U1", "U2"]
    assert settings.local_platform_config.candidates == ["tfidf-svm"]
    split = settings.data_split_config
    assert (split.limit, split.random_seed, split.eval_size) == (None, None, 7)
    assert split.stratify_enabled is False
    assert settings.training_config.learning_rate == 0.001
    assert [nim.model_name for nim in settings.nims] == ["a/b"]
    assert str(settings.prices.models["tfidf-*"].per_hour) == "0.25"
    assert settings.icl_config.similarity_config is not None
    assert settings.icl_config.similarity_config.relevance_ratio == 0.5


def test_a_section_as_json_is_laid_over_the_files_and_single_keys_over_that(load: Load) -> None:
    split = load(
        "data_split_config: {eval_size: 1, limit: 2, random_seed: 3}",
        FLYWHEEL_DATA_SPLIT_CONFIG=json.dumps({"eval_size": 10, "limit": 20}),
        FLYWHEEL_DATA_SPLIT_CONFIG__EVAL_SIZE="100",
    ).data_split_config
    assert (split.eval_size, split.limit, split.random_seed) == (100, 20, 3)


def test_a_variable_set_to_nothing_is_not_set(load: Load) -> None:
    settings = load(
        "platform: local\napproval_config: {approvers: [U9]}\nlogging_config: {level: ERROR}",
        FLYWHEEL_PLATFORM="",
        FLYWHEEL_LOGGING_CONFIG="",
        FLYWHEEL_CONFIG="",
        FLYWHEEL_DATABASE_URL="",
        FLYWHEEL_APPROVAL_CONFIG__APPROVERS="",
    )
    assert settings.platform == "local"
    assert settings.logging_config.level == "ERROR"
    assert settings.secrets.database_url is None
    assert settings.approval_config.approvers == []


@pytest.mark.parametrize(
    "name",
    [
        "FLYWHEEL_SHARED_DATA",
        "FLYWHEEL_SERVICE_HOST",
        "FLYWHEEL_SERVICE_PORT_HTTP",
        "FLYWHEEL_PORT",
        "FLYWHEEL_API_PORT_8000_TCP_ADDR",
        "PATH",
    ],
)
def test_variables_that_are_not_settings_are_left_alone(load: Load, name: str) -> None:
    assert load("platform: local", **{name: "tcp://10.0.0.1:8000"}).platform == "local"


def test_a_section_whose_keys_are_all_commented_out_has_its_defaults(load: Load) -> None:
    settings = load("approval_config:\n  # approvers: [U1]\nplatform: local\n")
    assert settings.approval_config.approvers == []


def test_numbers_that_yaml_reads_as_text_are_numbers(load: Load) -> None:
    settings = load("training_config: {learning_rate: 1e-4}\nworker_config: {poll_seconds: 2e0}")
    assert settings.training_config.learning_rate == 0.0001
    assert settings.worker_config.poll_seconds == 2.0
