"""Secrets come from the environment, and nothing ever shows them."""

import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from flywheel.errors import SettingsError
from flywheel.settings import Settings, load_settings, merge_run_config
from flywheel.settings.sections import Secrets

Load = Callable[..., Settings]
Lines = Callable[..., list[str]]

SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-bot-hunter2",
    "SLACK_APP_TOKEN": "xapp-app-hunter2",
    "SLACK_SIGNING_SECRET": "signing-hunter2",
    "FLYWHEEL_REDIS_URL": "redis://:hunter2@redis.test:6379/0",
    "FLYWHEEL_DATABASE_URL": "postgresql://me:hunter2@db.test/flywheel",
    "FLYWHEEL_LLM_JUDGE_API_KEY": "nvapi-hunter2",
    "FLYWHEEL_SERVED_API_KEY": "sk-served-hunter2",
    "FLYWHEEL_EMBEDDING_API_KEY": "sk-embedding-hunter2",
    "FLYWHEEL_INSIGHTS_API_KEY": "sk-insights-hunter2",
    "FLYWHEEL_NEMO_PLATFORM_TOKEN": "token-hunter2",
    "FLYWHEEL_NEMO_API_KEY": "hunter2",
    "NVIDIA_API_KEY": "nvapi-hunter2",
    "FLYWHEEL_RECEIPT_KEY": "-----BEGIN PRIVATE KEY-----hunter2",
    "FLYWHEEL_API_KEYS": "ci:hunter2",
}


def test_secrets_are_read_from_the_environment(load: Load) -> None:
    secrets = load("platform: local", **SECRETS).secrets
    values = [
        secrets.slack_bot_token,
        secrets.slack_app_token,
        secrets.slack_signing_secret,
        secrets.redis_url,
        secrets.database_url,
        secrets.llm_judge_api_key,
        secrets.served_api_key,
        secrets.embedding_api_key,
        secrets.insights_api_key,
        secrets.nemo_platform_token,
        secrets.nemo_api_key,
        secrets.nvidia_api_key,
        secrets.receipt_key,
        secrets.api_keys,
    ]
    assert [value and value.get_secret_value() for value in values] == list(SECRETS.values())


def test_nothing_made_from_settings_shows_a_secret(load: Load) -> None:
    settings = load("platform: local", **SECRETS)
    shown = [
        repr(settings),
        str(settings),
        repr(settings.secrets),
        str(settings.model_dump()),
        settings.model_dump_json(),
        str(settings.model_dump(mode="json")),
        merge_run_config(settings, {}).model_dump_json(),
    ]
    assert not [text for text in shown if "hunter2" in text]


def test_an_error_beside_secrets_does_not_show_them(load: Load) -> None:
    with pytest.raises(SettingsError) as caught:
        load("platform: cloud\nsecrets_: {a: b}", **SECRETS)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_pydantics_own_error_does_not_show_a_secret() -> None:
    with pytest.raises(ValidationError) as caught:
        Secrets.model_validate({"slack_bot_tokn": "xoxb-hunter2", "redis_url": ["hunter2"]})
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value)


@pytest.mark.parametrize(
    ("yaml", "line"),
    [
        (
            "secrets: {slack_bot_token: hunter2}",
            (
                "secrets in FILE looks like a secret: take it out of the file and use the "
                "environment (SLACK_BOT_TOKEN, SLACK_APP_TOKEN, SLACK_SIGNING_SECRET, "
                "FLYWHEEL_REDIS_URL, FLYWHEEL_DATABASE_URL, FLYWHEEL_LLM_JUDGE_API_KEY, "
                "FLYWHEEL_SERVED_API_KEY, FLYWHEEL_EMBEDDING_API_KEY, FLYWHEEL_INSIGHTS_API_KEY, "
                "FLYWHEEL_NEMO_PLATFORM_TOKEN, FLYWHEEL_NEMO_API_KEY, NVIDIA_API_KEY, "
                "FLYWHEEL_RECEIPT_KEY, FLYWHEEL_API_KEYS)."
            ),
        ),
        (
            "slack_config: {slack_bot_token: hunter2}",
            (
                "slack_config.slack_bot_token in FILE looks like a secret: take it out of the file "
                "and use the environment (SLACK_BOT_TOKEN)."
            ),
        ),
        (
            "database_url: postgresql://db/hunter2",
            (
                "database_url in FILE looks like a secret: take it out of the file and use the "
                "environment (FLYWHEEL_DATABASE_URL)."
            ),
        ),
        (
            "llm_judge_config: {api_key: hunter2}",
            (
                "llm_judge_config.api_key in FILE looks like a secret: take it out of the file and "
                "use the environment."
            ),
        ),
        (
            "nims: [{model_name: a/b, hf_token: hunter2}]",
            (
                "nims[0].hf_token in FILE looks like a secret: take it out of the file and use the "
                "environment."
            ),
        ),
        (
            "mlflow_config: {tracking_uri: 'http://me:hunter2@mlflow.test'}",
            (
                "mlflow_config.tracking_uri in FILE looks like a secret: take it out of the file "
                "and use the environment."
            ),
        ),
        (
            "approval_config: {approvers: [U1, xoxb-1234-hunter2, U2]}",
            (
                "approval_config.approvers[1] in FILE looks like a secret: take it out of the file "
                "and use the environment."
            ),
        ),
    ],
)
def test_a_secret_in_a_file_is_refused_and_not_repeated(lines: Lines, yaml: str, line: str) -> None:
    assert lines(yaml) == [line]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FLYWHEEL_DATABSE_URL", "postgresql://me:hunter2@db.test/x"),
        ("FLYWHEEL_PLATFORM", "xoxb-1234-hunter2"),
        ("FLYWHEEL_PLATFORM", "postgresql://me:hunter2@db.test/x"),
        ("FLYWHEEL_LLM_JUDGE_CONFIG", '{"api_key": "hunter2"}'),
        ("FLYWHEEL_LLM_JUDGE_CONFIG", '{"api_key": "hunter2'),
    ],
)
def test_a_misplaced_secret_in_the_environment_is_not_repeated(
    lines: Lines, name: str, value: str
) -> None:
    found = lines("platform: local", **{name: value})
    assert len(found) == 1
    assert "hunter2" not in found[0]


def test_a_broken_file_does_not_show_what_is_in_it(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("slack_config:\n  slack_bot_token: [hunter2\nplatform: local\n")
    with pytest.raises(SettingsError) as caught:
        load_settings(file, {})
    assert "line 3" in str(caught.value)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://integrate.api.nvidia.com/v1/chat/completions", "nvapi-hunter2"),
        ("https://nvidia.com.somebody.test/v1", None),
        ("https://judge.test/v1", None),
        (None, None),
    ],
)
def test_nvidias_key_goes_to_nvidia_only(load: Load, url: str | None, key: str | None) -> None:
    secrets = load("platform: local", NVIDIA_API_KEY="nvapi-hunter2").secrets
    for found in (secrets.for_judge(url), secrets.for_insights(url)):
        assert (found and found.get_secret_value()) == key
    both = load(
        "platform: local",
        FLYWHEEL_LLM_JUDGE_API_KEY="own",
        FLYWHEEL_INSIGHTS_API_KEY="own",
        NVIDIA_API_KEY="nvapi-hunter2",
    ).secrets
    for own in (both.for_judge(url), both.for_insights(url)):
        assert own is not None
        assert own.get_secret_value() == "own"
