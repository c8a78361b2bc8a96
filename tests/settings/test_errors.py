"""Each fault is one line that says where it is and what would be right."""

from collections.abc import Callable
from pathlib import Path

import pytest

from flywheel.errors import SettingsError
from flywheel.settings import load_settings

Lines = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("yaml", "line"),
    [
        (
            "data_split_config: {eval_sise: 3}",
            (
                "data_split_config.eval_sise in FILE is not a setting; "
                "did you mean data_split_config.eval_size?"
            ),
        ),
        (
            "data_split_config: {eval_size: many}",
            (
                "data_split_config.eval_size in FILE must be a whole number of at least 1 or auto, "
                'not "many".'
            ),
        ),
        (
            "data_split_config: {val_ratio: 1.5}",
            (
                "data_split_config.val_ratio in FILE must be a number of at least 0 and below 1, "
                "not 1.5."
            ),
        ),
        (
            "data_split_config: {limit: 0}",
            "data_split_config.limit in FILE must be a whole number of at least 1, or null, not 0.",
        ),
        (
            "data_split_config: {eval_size: yes}",
            (
                "data_split_config.eval_size in FILE must be a whole number of at least 1 or auto, "
                "not true."
            ),
        ),
        *(
            (
                f"nmp_config: {{gpu_budget: {wrong}}}",
                (
                    "nmp_config.gpu_budget in FILE: must be {training: N, inference: N}, one whole "
                    "number, or auto."
                ),
            )
            for wrong in ("many", "-1", "2.5", "{trainig: 1}", "{training: few}", "[1]")
        ),
        (
            "insights_config: {base_url: 'http://127.0.0.1:8000/v1'}",
            "insights_config in FILE: base_url is set, so model has to be.",
        ),
        (
            "insights_config: {base_url: 'http://h.test/v1?api-version=1', model: m}",
            (
                "insights_config.base_url in FILE: it must be an address like "
                "http://127.0.0.1:8000/v1, without a user, password or query; a key is "
                "FLYWHEEL_INSIGHTS_API_KEY."
            ),
        ),
        (
            "data_split: {eval_size: 3}",
            "data_split in FILE is not a setting; did you mean data_split_config?",
        ),
        (
            "eval_size: 3",
            "eval_size in FILE is not a setting; did you mean data_split_config.eval_size?",
        ),
        (
            "decision_config: {zzz: 3}",
            ("decision_config.zzz in FILE is not a setting; there are: policy_file."),
        ),
        (
            "logging_config: {level: debug}",
            (
                "logging_config.level in FILE must be one of DEBUG, INFO, WARNING, ERROR, "
                'CRITICAL, not "debug".'
            ),
        ),
        (
            "slack_config: {channels: {news: '#news'}}",
            (
                "slack_config.channels in FILE: '#news' for news is not the id of a channel; Slack "
                "shows it at the end of the channel's details (C0123456789)."
            ),
        ),
        (
            "platform: cloud",
            'platform in FILE must be one of local, nemo, nemo-platform, not "cloud".',
        ),
        ("icl_config: 5", "icl_config in FILE must be a section with keys, not 5."),
        (
            "approval_config: {approvers: 5}",
            "approval_config.approvers in FILE must be a list, not 5.",
        ),
        (
            "local_platform_config: {candidates: []}",
            (
                "local_platform_config.candidates in FILE must be a list with at least one entry, "
                "not an empty one."
            ),
        ),
        (
            "training_config: {learning_rate: .nan}",
            "training_config.learning_rate in FILE must be a number above 0, not nan.",
        ),
        (
            "nims: [{model_name: a/b, tag: 1.10}]",
            "nims[0].tag in FILE must be text, or null, not 1.1; put it into quotes.",
        ),
        (
            "nims: [{model_name: a/b}, {tag: v1}]",
            "nims[1].model_name in FILE is missing; it must be text.",
        ),
        (
            "nims: [{model_name: a/b, customization_enabled: true}]",
            "nims[0] in FILE: customization_enabled needs customizer_configs beside it.",
        ),
        (
            "prices: {models: {llama-3.3: {per_hour: -1}}}",
            'prices.models."llama-3.3".per_hour in FILE must be a number of at least 0, not -1.',
        ),
    ],
)
def test_faults_in_a_file(lines: Lines, yaml: str, line: str) -> None:
    assert lines(yaml) == [line]


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        (
            "FLYWHEEL_DATA_SPLIT_CONFIG__EVAL_SISE",
            "3",
            (
                "FLYWHEEL_DATA_SPLIT_CONFIG__EVAL_SISE is not a setting; "
                "did you mean FLYWHEEL_DATA_SPLIT_CONFIG__EVAL_SIZE?"
            ),
        ),
        (
            "FLYWHEEL_DATA_SPLIT_CONFIG__EVAL_SIZE",
            "many",
            (
                "FLYWHEEL_DATA_SPLIT_CONFIG__EVAL_SIZE (data_split_config.eval_size) must be a "
                'whole number of at least 1 or auto, not "many".'
            ),
        ),
        (
            "FLYWHEEL_DATA_SPLIT_CONFIG",
            '{"eval_sise": 1}',
            (
                "FLYWHEEL_DATA_SPLIT_CONFIG (data_split_config.eval_sise) is not a setting; "
                "did you mean data_split_config.eval_size?"
            ),
        ),
        (
            "FLYWHEEL_NIMS",
            '[{"tag": "x"}]',
            "FLYWHEEL_NIMS (nims[0].model_name) is missing; it must be text.",
        ),
        ("FLYWHEEL_NIMS", "[{", "FLYWHEEL_NIMS starts like JSON but is not valid JSON (column 3)."),
        (
            "FLYWHEEL_PLATFORM",
            "null",
            "FLYWHEEL_PLATFORM (platform) must be one of local, nemo, nemo-platform, not empty.",
        ),
        (
            "FLYWHEEL_CONFG",
            "x",
            "FLYWHEEL_CONFG is not a setting; did you mean FLYWHEEL_CONFIG?",
        ),
        (
            "FLYWHEEL_XYZ",
            "x",
            "FLYWHEEL_XYZ is not a setting; it would be FLYWHEEL_<SECTION>__<KEY>.",
        ),
        (
            "FLYWHEEL_SECRETS__REDIS_URL",
            "redis://:hunter2@host",
            "FLYWHEEL_SECRETS__REDIS_URL is not a setting; set FLYWHEEL_REDIS_URL instead.",
        ),
    ],
)
def test_faults_in_the_environment(lines: Lines, name: str, value: str, line: str) -> None:
    assert lines("platform: local", **{name: value}) == [line]


def test_a_fault_is_laid_at_the_source_that_has_it(lines: Lines) -> None:
    found = lines(
        "data_split_config: {eval_size: 0, limit: 0}",
        FLYWHEEL_DATA_SPLIT_CONFIG='{"eval_size": -1}',
    )
    assert found == [
        (
            "FLYWHEEL_DATA_SPLIT_CONFIG (data_split_config.eval_size) must be a whole number of at "
            "least 1 or auto, not -1."
        ),
        "data_split_config.limit in FILE must be a whole number of at least 1, or null, not 0.",
    ]


def test_every_fault_has_its_line(lines: Lines) -> None:
    found = lines(
        "platform: cloud\ndata_split_config: {eval_size: 0}\nlora_config: {rank: 3}",
        FLYWHEEL_MLFLOW_CONFIG__ENABLED="perhaps",
    )
    starts = ["platform", "data_split_config", "lora_config.rank", "FLYWHEEL_MLFLOW_CONFIG"]
    assert len(found) == 4
    assert all(any(line.startswith(start) for line in found) for start in starts)


@pytest.mark.parametrize(
    ("yaml", "line"),
    [
        ("", "FILE is empty. Without a settings file the defaults are used."),
        ("# nothing\n", "FILE is empty. Without a settings file the defaults are used."),
        ("- a\n", "FILE must hold sections (key: value) at its top, not a list."),
        ("hello", "FILE must hold sections (key: value) at its top, not a single value."),
        ("platform: local\nplatform: local", ("FILE, line 2: platform is already set in line 1; "
         "keep one of the two.")),
        ("lora_config:\n  adapter_dim: 1\n\n  adapter_dim: 2", ("FILE, line 4: adapter_dim is "
         "already set in line 2; keep one of the two.")),
        ("lora_config:\n\tadapter_dim: 1", ("FILE, line 2: YAML is indented with spaces, and there "
         "is a tab.")),
        ("platform: local\nlora_config: adapter_dim: 1", ("FILE, line 2: this is not valid YAML "
         "(mapping values are not allowed here).")),
        ("platform: 2024-13-45", "FILE is not valid YAML."),
    ],
)  # fmt: skip
def test_files_that_are_no_settings(lines: Lines, yaml: str, line: str) -> None:
    assert lines(yaml) == [line]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "missing.yaml"
    with pytest.raises(SettingsError) as caught:
        load_settings(missing, {})
    assert str(caught.value) == f"The settings file {missing} does not exist."
    with pytest.raises(SettingsError) as caught:
        load_settings(environ={"FLYWHEEL_CONFIG": str(missing)})
    assert str(caught.value).endswith("does not exist. FLYWHEEL_CONFIG names this file.")
    with pytest.raises(SettingsError, match="is a folder"):
        load_settings(tmp_path, {})
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="is not UTF-8 text"):
        load_settings(binary, {})


def test_long_wrong_values_are_cut(lines: Lines) -> None:
    (line,) = lines("platform: " + "x" * 500)
    assert len(line) < 120
