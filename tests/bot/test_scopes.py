"""`flywheel slack check`: what the token may do, against the manifest."""

from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.console.web_api import serve_workspace
from bot.console.workspace import Workspace
from bot.scopes import check_scopes, wanted
from flywheel.errors import SettingsError
from flywheel.http_server import http_server
from flywheel.settings import Settings
from tests.bot.conftest import PEOPLE
from tests.support.programs import flywheel


def with_token(settings: Settings, token: str) -> Settings:
    secrets = settings.secrets.model_copy(
        update={"slack_bot_token": SecretStr(token), "slack_signing_secret": SecretStr("s" * 32)}
    )
    return settings.model_copy(update={"secrets": secrets})


async def test_what_is_missing_and_what_is_too_much(settings: Settings) -> None:
    workspace = Workspace(dict(PEOPLE))
    needed = list(wanted())
    assert "users:read" in needed
    async with serve_workspace(workspace) as slack:
        ours = with_token(settings, workspace.token)
        found = await check_scopes(ours, f"{slack}/api/")
        assert (found.name, found.mode) == ("@flywheel in console", "HTTP")
        assert (found.missing, found.superfluous) == ({}, [])
        workspace.scopes = [*(s for s in needed if s != "users:read"), "admin"]
        found = await check_scopes(ours, f"{slack}/api/")
        assert found.missing == {"users:read": "guests and programs decide nothing"}
        assert found.superfluous == ["admin"]
        with pytest.raises(SettingsError, match="does not accept SLACK_BOT_TOKEN"):
            await check_scopes(with_token(settings, "xoxb-other"), f"{slack}/api/")


async def test_slack_is_asked_once(settings: Settings) -> None:
    asked: list[str] = []

    async def once(request: Request) -> Response:
        asked.append(request.path_params["method"])
        if len(asked) > 1:
            return JSONResponse({"ok": False, "error": "internal_error"}, status_code=500)
        known = {"ok": True, "user": "flywheel", "team": "T"}
        return JSONResponse(known, headers={"X-OAuth-Scopes": ",".join(wanted())})

    routes = [Route("/api/{method}", once, methods=["POST"])]
    async with http_server(Starlette(routes=routes), "127.0.0.1", 0) as url:
        found = await check_scopes(with_token(settings, "xoxb-x"), f"{url}/api/")
    assert found.missing == {}
    assert asked == ["auth.test"]


def test_every_scope_says_what_it_is_for() -> None:
    assert set(wanted()) >= {"chat:write", "commands", "users:read", "usergroups:read"}
    assert all(wanted().values())


def test_without_a_token_it_says_so(tmp_path: Path) -> None:
    done = flywheel(tmp_path, "slack", "check")
    assert done.returncode == 2
    assert "SLACK_BOT_TOKEN" in done.stderr
    assert "Traceback" not in done.stderr
