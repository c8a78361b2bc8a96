"""One process, one port: Slack's endpoint, the HTTP API and health."""

import asyncio
import contextlib
import time
from urllib.parse import urlencode

import httpx
from pydantic import SecretStr
from slack_sdk.signature import SignatureVerifier

from bot.console.web_api import serve_workspace
from bot.console.workspace import Workspace
from bot.serve import serve
from flywheel.settings import Settings
from flywheel.wiring import open_backends
from tests.bot.conftest import ADA, PEOPLE, SECONDS

KEY = "ci-0123456789abcdefghij"


def signed(workspace: Workspace, body: str) -> dict[str, str]:
    """The headers of a delivery from that Slack."""
    now = str(int(time.time()))
    verifier = SignatureVerifier(workspace.signing_secret)
    signature = verifier.generate_signature(timestamp=now, body=body)
    assert signature is not None
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": now,
        "X-Slack-Signature": signature,
    }


async def test_slack_and_the_api_share_a_port(settings: Settings) -> None:
    workspace = Workspace(dict(PEOPLE))
    secrets = settings.secrets.model_copy(
        update={
            "slack_bot_token": SecretStr(workspace.token),
            "slack_signing_secret": SecretStr(workspace.signing_secret),
            "api_keys": SecretStr(f"ci:{KEY}"),
        }
    )
    settings = settings.model_copy(update={"secrets": secrets})
    said: asyncio.Queue[str] = asyncio.Queue()
    async with serve_workspace(workspace) as slack, open_backends(settings) as backends:
        serving = asyncio.create_task(
            serve(
                backends,
                with_worker=True,
                host="0.0.0.0",
                port=0,
                say=said.put_nowait,
                api_url=f"{slack}/api/",
            )
        )
        try:
            lines: list[str] = []
            while not lines or not lines[-1].startswith("The API at"):
                lines.append(await asyncio.wait_for(said.get(), SECONDS))
            assert lines[0].startswith("Nobody can approve promotions yet")
            assert lines[1].startswith("Waiting for Slack at /slack/events as @flywheel")
            assert lines[3].endswith("/api takes the keys of: ci.")
            port = lines[2].split()[2].rstrip(";").rsplit(":", 1)[1]
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
                body = urlencode(
                    {
                        "command": "/flywheel",
                        "text": "help",
                        "user_id": ADA,
                        "user_name": "ada",
                        "channel_id": workspace.channel,
                        "response_url": f"{slack}/none",
                        "trigger_id": "1",
                    }
                )
                answer = await client.post("/slack/events", content=body)
                assert answer.status_code == 401
                headers = signed(workspace, body)
                answer = await client.post("/slack/events", content=body, headers=headers)
                assert answer.status_code == 200
                # A signature of Slack is no key of the API, and a key no signature.
                key = {"X-API-Key": KEY}
                assert (await client.get("/api/jobs", headers=headers)).status_code == 401
                assert (await client.post("/slack/events", headers=key)).status_code == 401
                answer = await client.get("/api/jobs", headers=key)
                assert answer.json() == {"jobs": []}
                assert (await client.get("/healthz")).json() == {"status": "ok"}
                assert (await client.get("/readyz")).status_code == 200
        finally:
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving
