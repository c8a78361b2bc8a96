"""Slack's line in `flywheel doctor`."""

from slack_sdk.web.async_client import AsyncWebClient

from bot.serve import slack_problem, who_am_i
from flywheel.errors import FlywheelError
from flywheel.settings import Settings
from flywheel.views import PartStatus


async def check_slack(settings: Settings, api_url: str | None = None) -> PartStatus:
    """Whether Slack is configured and takes the token; the console needs neither.

    `api_url` names another Web API than Slack's.
    """
    token = settings.secrets.slack_bot_token
    problem = slack_problem(settings)
    if problem is not None or token is None:
        off = token is None
        return PartStatus(
            part="chat",
            implementation="console",
            state="off" if off else "failed",
            detail="Slack is not configured; `flywheel chat` needs nothing"
            if off
            else str(problem),
        )
    mode = "Socket Mode" if settings.secrets.slack_app_token else "HTTP"
    try:
        client = AsyncWebClient(token=token.get_secret_value(), timeout=10)
        if api_url is not None:
            client.base_url = api_url
            client.proxy = None
        name = (await who_am_i(client)).name
    except FlywheelError as error:
        return PartStatus(
            part="chat",
            implementation=f"Slack, {mode}",
            state="failed",
            detail=error.message,
            hint=error.hint,
        )
    rules = settings.approval_config
    if rules.approvers or any(rules.workloads.values()):
        return PartStatus(part="chat", implementation=f"Slack, {mode}", state="ok", detail=name)
    return PartStatus(
        part="chat",
        implementation=f"Slack, {mode}",
        state="ok",
        detail=f"{name}; nobody can approve promotions",
        hint="List Slack user ids in approval_config.approvers.",
    )
