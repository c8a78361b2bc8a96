"""Workspaces and channels that are not listed get no further than the door."""

import asyncio
from urllib.parse import urlencode

import pytest

from bot.app import build_app
from bot.console.person import Delivery
from bot.console.web_api import serve_workspace
from bot.console.workspace import Workspace
from bot.doors import Doors
from flywheel.errors import SettingsError
from flywheel.service.runs import list_runs
from flywheel.settings import Settings
from flywheel.settings.load import load_settings
from flywheel.settings.slack import SlackConfig
from flywheel.wiring import open_backends
from tests.bot.conftest import ADA, PEOPLE, log_records

HERE = SlackConfig(allowed_teams=["T0HOME"], allowed_channels=["C0FLYWHEEL"])
COMMAND = {"command": "/flywheel", "team_id": "T0HOME", "channel_id": "C0FLYWHEEL"}


@pytest.mark.parametrize(
    ("body", "let_in"),
    [
        (COMMAND, True),
        ({**COMMAND, "channel_id": "D0ALONE"}, True),
        ({**COMMAND, "channel_id": "C0ELSEWHERE"}, False),
        ({**COMMAND, "team_id": "T0OTHER"}, False),
        ({**COMMAND, "team_id": "T0OTHER", "channel_id": "D0ALONE"}, False),
        ({"team": {"id": "T0HOME"}, "channel": {"id": "C0ELSEWHERE"}}, False),
        ({"team": {"id": "T0HOME"}, "container": {"channel_id": "C0FLYWHEEL"}}, True),
        ({"team": {"id": "T0HOME"}, "user": {"id": ADA, "team_id": "T0OTHER"}}, False),
        ({"team": {"id": "T0HOME"}, "container": {"type": "view", "view_id": "V1"}}, True),
        ({"team_id": "T0HOME", "event": {"channel": "C0ELSEWHERE"}}, False),
        ({"team_id": "T0HOME", "event": {"channel": "C0FLYWHEEL", "user_team": "T0X"}}, False),
    ],
)
def test_who_is_let_in(body: dict[str, object], let_in: bool) -> None:
    assert (Doors(HERE).refusal(body) is None) == let_in
    assert Doors(SlackConfig()).refusal(body) is None


async def test_a_command_from_elsewhere_starts_nothing_and_says_where_to_go(
    settings: Settings,
) -> None:
    listed = settings.model_copy(update={"slack_config": HERE})
    workspace = Workspace(dict(PEOPLE))
    async with open_backends(listed) as backends, serve_workspace(workspace) as url:
        await backends.logs.append(log_records(30))
        app, bot = build_app(
            backends,
            token=workspace.token,
            signing_secret=workspace.signing_secret,
            api_url=f"{url}/api/",
        )
        fields = {**COMMAND, "channel_id": "C0ELSEWHERE", "text": "run news", "user_id": ADA}
        delivery = Delivery(workspace, app.async_dispatch)
        answer = await asyncio.wait_for(
            delivery.send(urlencode(fields), "application/x-www-form-urlencoded"), 10
        )
        assert answer.status == 200
        assert "<#C0FLYWHEEL>" in answer.body
        await bot.inbox.idle()
        assert await list_runs(backends) == []
        await bot.close()


@pytest.mark.parametrize(
    ("key", "value"), [("ALLOWED_TEAMS", "acme"), ("ALLOWED_CHANNELS", "#general")]
)
def test_names_are_not_ids(key: str, value: str) -> None:
    with pytest.raises(SettingsError, match="is not the id of a"):
        load_settings(environ={f"FLYWHEEL_SLACK_CONFIG__{key}": value})
