"""Slack's line in `flywheel doctor`."""

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from flywheel.settings import Settings
from flywheel.views import PartStatus

TIMEOUT_SECONDS = 5


async def check_slack(settings: Settings) -> PartStatus:
    """Whether Slack is configured, and whether it takes the token."""
    secrets = settings.secrets
    if secrets.slack_bot_token is None:
        return PartStatus(
            part="Slack",
            implementation="none",
            state="off",
            detail="SLACK_BOT_TOKEN is not set; `flywheel chat` has the same conversation",
        )
    mode = "Socket Mode" if secrets.slack_app_token is not None else "HTTP"
    if secrets.slack_app_token is None and secrets.slack_signing_secret is None:
        return PartStatus(
            part="Slack",
            implementation="none",
            state="failed",
            detail="SLACK_BOT_TOKEN is set, but neither way for Slack to reach the bot is",
            hint="Set SLACK_APP_TOKEN for Socket Mode, or SLACK_SIGNING_SECRET for HTTP.",
        )
    client = AsyncWebClient(secrets.slack_bot_token.get_secret_value(), timeout=TIMEOUT_SECONDS)
    try:
        who = await client.auth_test()
    except SlackApiError as error:
        return PartStatus(
            part="Slack",
            implementation=mode,
            state="failed",
            detail=f"Slack refuses the token: {error.response['error']}",
            hint="Check SLACK_BOT_TOKEN.",
        )
    except (SlackClientError, aiohttp.ClientError, TimeoutError, OSError):
        return PartStatus(
            part="Slack", implementation=mode, state="failed", detail="Slack does not answer"
        )
    return PartStatus(
        part="Slack", implementation=mode, state="ok", detail=f"{who['user']} in {who['team']}"
    )
