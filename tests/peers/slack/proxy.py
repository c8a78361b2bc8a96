"""A thin proxy between the app and the other Slack that can do what Slack does on a bad day.

Both directions pass: the app's calls of the Web API, and deliveries to the app, signed requests or
envelopes of Socket Mode. It adds what that Slack cannot do: deliveries that come twice, presses in
modals and on Home tabs, and two people who have a modal open at once.
"""

import asyncio
import json
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import time
from urllib.parse import parse_qsl, urlencode

import aiohttp
from aiohttp import web
from slack_sdk.signature import SignatureVerifier

from tests.peers.slack.local_slack import APP, SECONDS, SECRET, Json

_KEPT_HEADERS = ("content-type", "authorization", "x-slack-signature", "x-slack-request-timestamp")
_FORM = "application/x-www-form-urlencoded"


@dataclass
class Fault:
    """What happens to one call: an HTTP status, or Slack's name of an error."""

    when: Callable[[Json], bool] = lambda _: True  # of the arguments
    error: str = ""
    status: int = 200
    retry_after: int | None = None
    lose_answer: bool = False  # Slack does it, and the app does not hear of it
    after: Callable[[], Awaitable[None]] | None = None  # Slack has done it


@dataclass
class Call:
    """One call of the Web API."""

    method: str
    arguments: Json
    answer: Json


@dataclass
class Proxy:
    """What passed, and what is to go wrong."""

    slack: str
    app: str  # where the app takes signed requests
    mode: str
    session: aiohttp.ClientSession
    url: str = ""
    calls: list[Call] = field(default_factory=list)
    faults: dict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    twice: bool = False  # every delivery
    delivered: list[tuple[str, str]] = field(default_factory=list)  # body and content type
    _socket: web.WebSocketResponse | None = None
    _acks: dict[str, asyncio.Future[Json]] = field(default_factory=dict)

    def fail(self, method: str, *faults: Fault) -> None:
        """Let the next calls of a method go wrong."""
        self.faults[method].extend(faults)

    def called(self, method: str) -> list[Call]:
        """The calls of one method."""
        return [call for call in self.calls if call.method == method]

    async def until_called(self, method: str, number: int) -> Call:
        """The call with this number, counted from 0."""
        async with asyncio.timeout(SECONDS):
            while len(self.called(method)) <= number:
                await asyncio.sleep(0.05)
        return self.called(method)[number]

    # --- deliveries of our own ------------------------------------------------------------------

    async def press_in(self, view: Json, action: Json, user: str) -> None:
        """Press a button of a modal or of a Home tab."""
        payload = {
            "type": "block_actions",
            "container": {"type": "view", "view_id": view["id"]},
            "view": view,
            "actions": [{**action, "action_ts": str(time())}],
            **self._from(user),
        }
        await self._interaction(payload)

    async def submit(self, view: Json, values: Json, user: str) -> Json:
        """Send a modal; what the app answers to it."""
        view = {**view, "state": {"values": values}}
        return await self._interaction(
            {"type": "view_submission", "view": view, "response_urls": [], **self._from(user)}
        )

    def _from(self, user: str) -> Json:
        return {
            "user": {"id": user, "username": user, "name": user, "team_id": "T0PEER0001"},
            "team": {"id": "T0PEER0001", "domain": "peer"},
            "api_app_id": APP,
            "trigger_id": secrets.token_hex(8),
            "token": "verification-token",
        }

    async def _interaction(self, payload: Json) -> Json:
        if self.mode == "socket":
            return await self._envelope("interactive", payload)
        _, body = await self.send(urlencode({"payload": json.dumps(payload)}), _FORM)
        return dict(json.loads(body)) if body else {}

    async def _envelope(self, kind: str, payload: Json) -> Json:
        assert self._socket is not None
        name = secrets.token_hex(8)
        self._acks[name] = asyncio.get_running_loop().create_future()
        await self._socket.send_json(
            {
                "type": kind,
                "envelope_id": name,
                "payload": payload,
                "accepts_response_payload": True,
            }
        )
        try:
            answer = await asyncio.wait_for(self._acks[name], SECONDS)
        finally:
            del self._acks[name]
        return dict(answer.get("payload") or {})

    async def send(
        self, body: str, content_type: str, *, age: int = 0, secret: str = SECRET
    ) -> tuple[int, str]:
        """A request to the app, signed `age` seconds ago; its status and body."""
        then = str(int(time()) - age)
        signature = SignatureVerifier(secret).generate_signature(timestamp=then, body=body)
        headers = {
            "content-type": content_type,
            "x-slack-request-timestamp": then,
            "x-slack-signature": signature or "",
        }
        async with self.session.post(self.app, data=body, headers=headers) as answer:
            return answer.status, await answer.text()

    # --- what passes ----------------------------------------------------------------------------

    async def web_api(self, request: web.Request) -> web.StreamResponse:
        """One call of the app."""
        method, body = request.match_info["method"], await request.read()
        arguments = _arguments(request, body)
        fault = next((f for f in self.faults[method] if f.when(arguments)), None)
        if fault is None:
            fault = Fault()
        else:
            self.faults[method].remove(fault)
        if fault.status != 200 or fault.error:
            self.calls.append(Call(method, arguments, {"ok": False, "error": fault.error}))
            headers = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
            answer = {"ok": False, "error": fault.error or "internal_error"}
            return web.json_response(answer, status=fault.status, headers=headers)
        headers = {key: request.headers[key] for key in _KEPT_HEADERS if key in request.headers}
        async with self.session.request(
            request.method, f"{self.slack}/api/{method}", data=body, headers=headers,
            params=request.query,
        ) as passed:  # fmt: skip
            found = await passed.json()
        if method == "apps.connections.open" and found.get("url"):
            found["url"] = f"{self.url.replace('http', 'ws')}/socket?to={found['url']}"
        if fault.after is not None:
            await fault.after()
        self.calls.append(Call(method, arguments, found))
        if fault.lose_answer:
            assert request.transport is not None
            request.transport.close()
        return web.json_response(found)

    async def delivery(self, request: web.Request) -> web.StreamResponse:
        """One signed request of the other Slack."""
        body = await request.text()
        self.delivered.append((body, request.headers["content-type"]))
        headers = {key: request.headers[key] for key in _KEPT_HEADERS if key in request.headers}
        answers = []
        for _ in range(2 if self.twice else 1):
            async with self.session.post(self.app, data=body, headers=headers) as passed:
                answers.append((passed.status, await passed.read(), passed.content_type))
        status, content, kind = answers[0]
        return web.Response(status=status, body=content, content_type=kind)

    async def socket(self, request: web.Request) -> web.StreamResponse:
        """The connection of Socket Mode."""
        to_app = web.WebSocketResponse()
        await to_app.prepare(request)
        async with self.session.ws_connect(request.query_string.removeprefix("to=")) as to_slack:
            self._socket = to_app

            async def down() -> None:
                async for message in to_slack:
                    again = self.twice and "envelope_id" in message.data
                    for _ in range(2 if again else 1):
                        await to_app.send_str(message.data)
                await to_app.close()

            passing = asyncio.create_task(down())
            async for message in to_app:
                name = json.loads(message.data).get("envelope_id", "")
                if name in self._acks:
                    self._acks[name].set_result(json.loads(message.data))
                else:
                    await to_slack.send_str(message.data)
            passing.cancel()
        return to_app


def _arguments(request: web.Request, body: bytes) -> Json:
    found: Json = dict(request.query)
    if request.content_type == "application/json":
        found |= json.loads(body or b"{}")
    else:
        found |= dict(parse_qsl(body.decode(errors="replace")))
    for key in ("view", "blocks"):
        if isinstance(found.get(key), str):
            found[key] = json.loads(found[key])
    return found


@asynccontextmanager
async def proxy(slack: str, app: str, mode: str, port: int) -> AsyncIterator[Proxy]:
    """The proxy on this port."""
    async with aiohttp.ClientSession() as session:
        passing = Proxy(slack, app, mode, session, f"http://127.0.0.1:{port}")
        application = web.Application()
        application.router.add_route("*", "/api/{method}", passing.web_api)
        application.router.add_post("/deliver", passing.delivery)
        application.router.add_get("/socket", passing.socket)
        runner = web.AppRunner(application, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield passing
        finally:
            await runner.cleanup()
