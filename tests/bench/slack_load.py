"""A Slack that sends commands at a steady rate and notes when each is acknowledged and answered.

Times count from the moment a command was due, not from when this process got round to it.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic, time
from urllib.parse import urlencode

import aiohttp
from aiohttp import web
from slack_sdk.signature import SignatureVerifier
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from bot.console.web_api import web_api
from bot.console.workspace import Workspace
from flywheel.http_server import http_server

ADA = "U0APPROVE01"


@dataclass
class Load:
    """What was sent, and what came back."""

    workspace: Workspace = field(
        default_factory=lambda: Workspace({ADA: "ada"}, name="C0BENCH", token="xoxb-bench")
    )
    url: str = ""
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    acknowledged: dict[str, asyncio.Future[None]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)  # until each was acknowledged
    failed: int = 0
    tokens: list[str] = field(default_factory=list)  # of the response_urls

    def fields(self, text: str) -> dict[str, str]:
        """A slash command as Slack sends it."""
        token = self.workspace.new_response(self.workspace.channel, ADA)
        self.tokens.append(token)
        return {
            "command": "/flywheel",
            "text": text,
            "user_id": ADA,
            "user_name": "ada",
            "channel_id": self.workspace.channel,
            "team_id": "T0CONSOLE01",
            "trigger_id": self.workspace.new_trigger(ADA),
            "response_url": f"{self.url}/response/{token}",
        }

    def answers(self) -> list[int]:
        """How many answers each command has had."""
        return [self.workspace.answers_to(token) for token in self.tokens]


@asynccontextmanager
async def slack() -> AsyncIterator[Load]:
    """The Web API, response_urls and the socket, on free ports of this machine."""
    load = Load()
    runner = web.AppRunner(_socket_app(load))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    socket_port = runner.addresses[0][1]

    async def connections_open(_request: Request) -> JSONResponse:
        return JSONResponse({"ok": True, "url": f"ws://127.0.0.1:{socket_port}/socket"})

    routes = [
        Route("/api/apps.connections.open", connections_open, methods=["POST"]),
        Mount("/", web_api(load.workspace)),
    ]
    async with http_server(Starlette(routes=routes), "127.0.0.1", 0) as url:
        load.url = url
        try:
            yield load
        finally:
            await runner.cleanup()


def _socket_app(load: Load) -> web.Application:
    async def socket(request: web.Request) -> web.WebSocketResponse:
        connection = web.WebSocketResponse()
        await connection.prepare(request)
        await connection.send_json({"type": "hello", "num_connections": 1})
        load.sockets.append(connection)
        load.connected.set()
        async for message in connection:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            found = load.acknowledged.pop(json.loads(message.data).get("envelope_id", ""), None)
            if found is not None:
                found.set_result(None)
        load.sockets.remove(connection)
        return connection

    application = web.Application()
    application.router.add_get("/socket", socket)
    return application


async def by_http(
    load: Load, session: aiohttp.ClientSession, url: str, secret: str, due: float, body: str
) -> None:
    """Send one command, signed, and note how long its acknowledgement took."""
    now = str(int(time()))
    signature = SignatureVerifier(secret).generate_signature(timestamp=now, body=body)
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": now,
        "x-slack-signature": signature or "",
    }
    try:
        async with session.post(url, data=body, headers=headers) as answer:
            await answer.read()
            if answer.status != 200:
                load.failed += 1
    except (aiohttp.ClientError, TimeoutError):
        load.failed += 1
    load.seconds.append(monotonic() - due)


async def by_socket(load: Load, due: float, body: dict[str, str]) -> None:
    """The same over the socket."""
    envelope = secrets.token_hex(12)
    load.acknowledged[envelope] = asyncio.get_running_loop().create_future()
    acknowledged = load.acknowledged[envelope]
    await load.sockets[0].send_json(
        {
            "type": "slash_commands",
            "envelope_id": envelope,
            "payload": body,
            "accepts_response_payload": True,
        }
    )
    try:
        await asyncio.wait_for(acknowledged, 10)
    except TimeoutError:
        load.failed += 1
    load.seconds.append(monotonic() - due)


def form(fields: dict[str, str]) -> str:
    """As the body of a request."""
    return urlencode(fields)
