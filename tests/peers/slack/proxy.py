"""Between the app and that Slack, in both directions: it notes what passes, and breaks it."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

import aiohttp
from aiohttp import WSMsgType, web
from slack_sdk.signature import SignatureVerifier

from tests.peers.slack.faults import RESPONSE_URL, Fault, Json
from tests.peers.slack.local_slack import SECONDS, SIGNING_SECRET, Mode, soon

_HOOKS = "/_hooks/"
_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Call:
    """A call of the app; `status` is None where its answer was lost on the way."""

    at: float
    method: str
    arguments: Json
    status: int | None
    answer: Json


@dataclass(frozen=True)
class Delivered:
    """Something that Slack has sent to the app; in Socket Mode nobody answers with a status."""

    payload: Json
    status: int | None


class Proxy:
    """`faults` are tried in order; while `repeating` every delivery comes twice."""

    def __init__(self, mode: Mode, port: int, slack_url: str, app_port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.faults: list[Fault] = []
        self.repeating = False
        self.calls: list[Call] = []
        self.delivered: list[Delivered] = []
        self._mode = mode
        self._slack = slack_url
        self._app = f"http://127.0.0.1:{app_port}/slack/events"
        self._session = aiohttp.ClientSession(auto_decompress=True)
        self._socket: web.WebSocketResponse | None = None
        self._acks: dict[str, asyncio.Future[Json]] = {}

    def routes(self) -> list[web.RouteDef]:
        """What it answers."""
        return [
            web.post("/api/{method}", self._call),
            web.get("/api/{method}", self._call),
            web.post(_HOOKS + "response/{id}", self._respond),
            web.post("/slack/events", self._event),
            web.get("/socket/{id}", self._open_socket),
        ]

    async def close(self) -> None:
        """Disconnect."""
        if self._socket is not None:
            await self._socket.close()
        await self._session.close()

    def calls_of(self, method: str, part: str = "") -> list[Call]:
        """The calls of one method so far whose arguments have this part."""
        return [
            call
            for call in self.calls
            if call.method == method and part in json.dumps(call.arguments, ensure_ascii=False)
        ]

    async def until_called(self, method: str, part: str = "", number: int = 1) -> Call:
        """The last of so many calls, as soon as it was made."""

        async def look() -> Call | None:
            found = self.calls_of(method, part)
            return found[number - 1] if len(found) >= number else None

        async def otherwise() -> list[Json]:
            return [call.arguments for call in self.calls_of(method)]

        found = await soon(look, otherwise)
        assert isinstance(found, Call)
        return found

    async def deliver(self, payload: Json) -> Json:
        """Deliver something that this Slack cannot, e.g. a press in a view; what comes back."""
        if self._mode == "socket":
            return await self._send_envelope("interactive", payload)
        _, body = await self._post(urlencode({"payload": json.dumps(payload)}), _FORM)
        return dict(json.loads(body or "{}"))

    async def post_signed(self, body: str, secret: str = SIGNING_SECRET, age: int = 0) -> int:
        """A delivery over HTTP with another secret, or that is old; the status."""
        return (await self._post(body, _FORM, secret, age))[0]

    # --- the app calls Slack ----------------------------------------------------------------

    async def _call(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        return await self._passed_on(request, method, f"{self._slack}/api/{method}")

    async def _respond(self, request: web.Request) -> web.Response:
        return await self._passed_on(request, RESPONSE_URL, f"{self._slack}{request.path}")

    async def _passed_on(self, request: web.Request, method: str, url: str) -> web.Response:
        raw = await request.read()
        arguments = _arguments(request, raw)
        fault = next((f for f in self.faults if f.hits(method, arguments)), None)
        if fault is not None and fault.kind == "answered":
            answer = json.dumps(fault.body).encode()
            status, headers = fault.status, fault.headers or {}
        elif fault is not None and fault.kind == "cut":
            self._note(method, arguments, None, b"")
            raise _hang_up(request)
        else:
            status, answer = await self._ask(request, raw, url)
            headers = {}
            if fault is not None:
                await fault.then()
            if fault is not None and fault.kind == "lost":
                self._note(method, arguments, None, answer)
                raise _hang_up(request)
        self._note(method, arguments, status, answer)
        if method == "apps.connections.open":
            answer = answer.replace(
                self._slack.replace("http", "ws").encode(), self.url.replace("http", "ws").encode()
            )
        return web.Response(status=status, body=answer, content_type=_JSON, headers=headers)

    async def _ask(self, request: web.Request, raw: bytes, url: str) -> tuple[int, bytes]:
        kept = ("Authorization", "Content-Type")
        headers = {name: request.headers[name] for name in kept if name in request.headers}
        async with self._session.request(
            request.method, url, data=raw, params=request.query, headers=headers
        ) as answer:
            return answer.status, await answer.read()

    def _note(self, method: str, arguments: Json, status: int | None, answer: bytes) -> None:
        said = {}
        with suppress(ValueError):
            said = json.loads(answer or b"{}")
        self.calls.append(Call(time.monotonic(), method, arguments, status, said))

    # --- Slack calls the app ----------------------------------------------------------------

    async def _event(self, request: web.Request) -> web.Response:
        raw = (await request.read()).decode()
        form = request.content_type == _FORM
        body = urlencode(self._through_us(dict(parse_qsl(raw)))) if form else raw
        sent = await asyncio.gather(
            *(self._post(body, request.content_type) for _ in range(2 if self.repeating else 1))
        )
        status, text = sent[0]
        payload = dict(parse_qsl(body)) if form else json.loads(body)
        if "payload" in payload:
            payload = json.loads(payload["payload"])
        self.delivered.append(Delivered(payload, status))
        return web.Response(status=status, text=text, content_type=_JSON)

    async def _post(
        self, body: str, content_type: str, secret: str = SIGNING_SECRET, age: int = 0
    ) -> tuple[int, str]:
        now = str(int(time.time()) - age)
        signature = SignatureVerifier(secret).generate_signature(timestamp=now, body=body)
        headers = {
            "Content-Type": content_type,
            "X-Slack-Request-Timestamp": now,
            "X-Slack-Signature": signature or "",
        }
        try:
            async with self._session.post(self._app, data=body, headers=headers) as answer:
                return answer.status, await answer.text()
        except aiohttp.ClientConnectionError:
            return 502, ""

    def _through_us(self, payload: Json) -> Json:
        """The payload with its `response_url` here."""
        if "payload" in payload:
            inner = self._through_us(json.loads(payload["payload"]))
            return {**payload, "payload": json.dumps(inner)}
        if "response_url" in payload:
            url = payload["response_url"].replace(self._slack, self.url)
            return {**payload, "response_url": url}
        return payload

    # --- Socket Mode ------------------------------------------------------------------------

    async def _open_socket(self, request: web.Request) -> web.WebSocketResponse:
        ours = web.WebSocketResponse()
        await ours.prepare(request)
        theirs_url = f"{self._slack.replace('http', 'ws')}{request.path}"
        async with self._session.ws_connect(theirs_url) as theirs:
            self._socket = ours
            pumps = [
                asyncio.create_task(self._to_app(theirs, ours)),
                asyncio.create_task(self._to_slack(ours, theirs)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        return ours

    async def _to_app(
        self, theirs: aiohttp.ClientWebSocketResponse, ours: web.WebSocketResponse
    ) -> None:
        async for said in theirs:
            if said.type != WSMsgType.TEXT:
                continue
            envelope = said.json()
            if "payload" in envelope:
                envelope["payload"] = self._through_us(envelope["payload"])
                self.delivered.append(Delivered(envelope["payload"], None))
            await ours.send_json(envelope)
            if self.repeating and "envelope_id" in envelope:
                await ours.send_json({**envelope, "envelope_id": secrets.token_hex(16)})

    async def _to_slack(
        self, ours: web.WebSocketResponse, theirs: aiohttp.ClientWebSocketResponse
    ) -> None:
        async for said in ours:
            if said.type != WSMsgType.TEXT:
                continue
            try:
                envelope = said.json()
            except ValueError:  # "ping"
                continue
            waiting = self._acks.pop(envelope.get("envelope_id", ""), None)
            if waiting is not None:
                waiting.set_result(envelope.get("payload") or {})
            else:
                await theirs.send_str(said.data)

    async def _send_envelope(self, kind: str, payload: Json) -> Json:
        assert self._socket is not None, "the app is not connected"
        name = secrets.token_hex(16)
        waiting = self._acks[name] = asyncio.get_running_loop().create_future()
        envelope = {"envelope_id": name, "type": kind, "payload": payload}
        await self._socket.send_json({**envelope, "accepts_response_payload": True})
        return await asyncio.wait_for(waiting, SECONDS)


def _hang_up(request: web.Request) -> Exception:
    if request.transport is not None:
        request.transport.abort()
    return ConnectionResetError("as the test wants it")


def _arguments(request: web.Request, raw: bytes) -> Json:
    """From the query, a form or JSON."""
    found: Json = dict(request.query)
    if request.content_type == _JSON:
        found.update(json.loads(raw or b"{}"))
    else:
        found.update(parse_qsl(raw.decode()))
    for name in ("blocks", "view"):
        if isinstance(found.get(name), str):
            found[name] = json.loads(found[name])
    return found


@asynccontextmanager
async def proxy_between(
    mode: Mode, port: int, slack_url: str, app_port: int
) -> AsyncIterator[Proxy]:
    """One that listens on `port`."""
    proxy = Proxy(mode, port, slack_url, app_port)
    application = web.Application(client_max_size=2**24)
    application.add_routes(proxy.routes())
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield proxy
    finally:
        await proxy.close()
        await runner.cleanup()
