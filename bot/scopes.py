"""`flywheel slack check`: may the app do what it does? The manifest says what that takes."""

import re
from collections.abc import Mapping
from typing import NamedTuple

import yaml
from slack_sdk.web.async_client import AsyncWebClient

from bot.serve import slack_problem, who_am_i
from flywheel.errors import SettingsError
from flywheel.resources import resource_text
from flywheel.settings import Settings

MANIFEST = "config/slack-manifest.yaml"
_COMMENTED = re.compile(r"^\s*- (?P<scope>[a-z:._]+)(?:\s+# (?P<why>.*))?$", re.MULTILINE)


class Scopes(NamedTuple):
    """What the token has, against what the manifest asks for."""

    name: str  # of the app, with its workspace
    mode: str  # how deliveries reach it
    missing: dict[str, str]  # what each is for, by scope
    superfluous: list[str]


def wanted() -> dict[str, str]:
    """The scopes of the manifest, each with what it is for."""
    text = resource_text(MANIFEST)
    why = {found["scope"]: found["why"] or "" for found in _COMMENTED.finditer(text)}
    scopes = yaml.safe_load(text)["oauth_config"]["scopes"]["bot"]
    return {scope: why.get(scope, "") for scope in scopes}


async def check_scopes(settings: Settings, api_url: str | None = None) -> Scopes:
    """Ask Slack what the token may do.

    `api_url` names another Web API than Slack's. Raises SettingsError where Slack is not
    configured or does not accept the token, UnavailableError where it does not answer.
    """
    problem, token = slack_problem(settings), settings.secrets.slack_bot_token
    if token is None:
        raise problem or SettingsError("SLACK_BOT_TOKEN is not set.")
    client = AsyncWebClient(token=token.get_secret_value(), timeout=10)
    if api_url is not None:
        client.base_url = api_url
        client.proxy = None
    identity = await who_am_i(client)
    has = _scopes_in(identity.headers)
    asked = wanted()
    return Scopes(
        name=identity.name,
        mode="Socket Mode" if settings.secrets.slack_app_token else "HTTP",
        missing={scope: why for scope, why in asked.items() if scope not in has},
        superfluous=sorted(has - set(asked)),
    )


def _scopes_in(headers: Mapping[str, str]) -> set[str]:
    lower = {key.lower(): value for key, value in headers.items()}
    if "x-oauth-scopes" not in lower:
        raise SettingsError(
            "Slack does not say what the token may do.",
            "SLACK_BOT_TOKEN has to be the bot token (xoxb-…) of the app.",
        )
    return {scope.strip() for scope in lower["x-oauth-scopes"].split(",") if scope.strip()}
