"""The bot on a Slack that is not ours: Socket Mode and signed HTTP.

Needs the binary of the npm package local-slack-linux-x64; LOCAL_SLACK says where it is.
"""

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.serve import serve
from bot.views.decision import MODEL, REASON
from flywheel.service.promotions import incumbents
from flywheel.settings.load import load_settings
from flywheel.wiring import open_backends
from tests.bot.conftest import ADA, BEN, log_records

BINARY = os.environ.get("LOCAL_SLACK", "")
CHANNEL, BOT = "C0GENERAL01", "U0FLYWHEEL1"
SECONDS = 60.0

pytestmark = pytest.mark.skipif(not BINARY, reason="LOCAL_SLACK does not name the binary")

Json = dict[str, Any]


class LocalSlack:
    """Drives the other Slack as a person would, and looks at what it shows."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self.url = url

    async def do(self, what: str, **body: Any) -> None:
        """A command, message or press."""
        answer = await self._session.post(
            f"{self.url}/_control/{what}", json={"channel": CHANNEL, **body}
        )
        answer.raise_for_status()

    async def submit(self, user: str, values: Json) -> None:
        """Send the modal that is open."""
        async with self._session.ws_connect(f"{self.url}/ui") as screen:
            await screen.send_json({"t": "view_submit", "user": user, "values": values})
            await screen.receive(timeout=SECONDS)

    async def until(self, wanted: Callable[[Json], bool]) -> Json:
        """The first message that is wanted, as soon as it is there."""
        async with asyncio.timeout(SECONDS):
            while True:
                answer = await self._session.get(f"{self.url}/_control/messages/{CHANNEL}")
                messages = (await answer.json())["messages"]
                if found := next((m for m in messages if wanted(m)), None):
                    return dict(found)
                await asyncio.sleep(0.1)

    async def until_logged(self, wanted: str) -> None:
        """Wait for something that the app has called."""
        async with asyncio.timeout(SECONDS):
            while True:
                answer = await self._session.get(f"{self.url}/_control/log")
                if wanted in json.dumps(await answer.json()):
                    return
                await asyncio.sleep(0.1)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@asynccontextmanager
async def local_slack(folder: Path, mode: str, app_port: int) -> AsyncIterator[LocalSlack]:
    """The other Slack, with two people and a channel."""
    config = {
        "workspace": {"name": "Peer", "domain": "peer", "teamId": "T0PEER0001"},
        "app": {
            "appId": "A0FLYWHEEL1",
            "botUserId": BOT,
            "botName": "flywheel",
            "botToken": "xoxb-peer",
            "appToken": "xapp-peer",
            "signingSecret": "peer-secret",
            "mode": mode,
            "requestUrl": f"http://127.0.0.1:{app_port}/slack/events",
        },
        "users": [
            {"id": user, "name": name, "real_name": name}
            for user, name in ((ADA, "ada"), (BEN, "ben"))
        ],
        "channels": [{"id": CHANNEL, "name": "general", "members": [ADA, BEN, BOT]}],
    }
    path = folder / "slack.json"
    path.write_text(json.dumps(config))
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(BINARY, "--config", str(path), "--port", str(port), "--base-host", "127.0.0.1"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with aiohttp.ClientSession() as session, asyncio.timeout(SECONDS * 3):
            while True:
                try:
                    await session.get(f"http://127.0.0.1:{port}/_control/state")
                    break
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.05)
            yield LocalSlack(session, f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.parametrize("mode", ["socket", "events"])
async def test_a_run_is_started_and_approved(tmp_path: Path, mode: str) -> None:
    port = free_port()
    environ = {
        "FLYWHEEL_HOME": str(tmp_path / "home"),
        "FLYWHEEL_WORKER_CONFIG": '{"poll_seconds": 0.2}',
        "FLYWHEEL_APPROVAL_CONFIG__APPROVERS": ADA,
        "SLACK_BOT_TOKEN": "xoxb-peer",
        "SLACK_SIGNING_SECRET": "peer-secret",
        **({"SLACK_APP_TOKEN": "xapp-peer"} if mode == "socket" else {}),
    }
    said: asyncio.Queue[str] = asyncio.Queue()
    async with (
        local_slack(tmp_path, mode, port) as slack,
        open_backends(load_settings(environ=environ)) as backends,
    ):
        await backends.logs.append(log_records(600))
        api = f"{slack.url}/api/"
        serving = asyncio.create_task(
            serve(
                backends,
                with_worker=True,
                host="127.0.0.1",
                port=port,
                say=said.put_nowait,
                api_url=api,
            )
        )
        try:
            while not (await asyncio.wait_for(said.get(), SECONDS)).startswith("Listening"):
                pass
            command = "run news eval_size=150 candidates=tfidf-svm"
            await slack.do("command", user=BEN, command="/flywheel", text=command)
            results = await slack.until(lambda m: m["text"].startswith("Results of r-1"))
            await slack.until_logged("Your run r-1 on `news` is complete.")  # to ben directly
            await slack.do("command", user=BEN, command="/flywheel", text="schedule news daily")
            await slack.until(lambda m: "made the schedule s-1" in m["text"])
            await slack.do("message", user=BEN, text=f"<@{BOT}> which model is best?")
            await slack.until(lambda m: "has the highest macro-F1" in m["text"])

            block = next(b for b in results["blocks"] if b["type"] == "actions")
            press = {**block["elements"][0], "block_id": block["block_id"]}
            await slack.do("interact", user=BEN, messageTs=results["ts"], action=press)
            refusal = await slack.until(lambda m: m.get("ephemeral_to") == BEN)
            assert f"These may: <@{ADA}>." in refusal["text"]

            await slack.do("interact", user=ADA, messageTs=results["ts"], action=press)
            await slack.until_logged("views.open")
            chosen = {"type": "static_select", "selected_option": {"value": "tfidf-svm"}}
            typed = {"type": "plain_text_input", "value": "clear of the limit"}
            await slack.submit(ADA, {MODEL: {MODEL: chosen}, REASON: {REASON: typed}})
            decided = await slack.until(
                lambda m: m["ts"] == results["ts"] and "was promoted for news by ada" in m["text"]
            )
            assert not any(b["type"] == "actions" for b in decided["blocks"])
            assert [p.approved_by for p in await incumbents(backends)] == [ADA]
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.wait_for(serving, SECONDS)
