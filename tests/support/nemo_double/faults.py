"""Faults of the wire, on demand: by route and occurrence."""

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Literal

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Kind = Literal["status", "hang", "hang-after", "drop", "drop-after", "status-after", "hold"]


@dataclass
class Fault:
    """What happens to requests of a route.

    `hang` never answers, `drop` closes the connection, `status` answers that status; with
    `-after` the server has done what it was asked for before. `hold` answers once `let_go` is set.
    """

    route: str  # a pattern for 'METHOD /path'
    kind: Kind
    times: int = 1
    skip: int = 0  # matching requests that pass before
    status: int = 500
    detail: str = "internal error"
    retry_after: str | None = None
    met: int = 0
    let_go: bool = False

    def meets(self, request: str) -> bool:
        """Whether this request is one of those; counts it."""
        if re.search(self.route, request) is None:
            return False
        self.met += 1
        return self.skip < self.met <= self.skip + self.times


class DroppedError(Exception):
    """The connection is closed on purpose."""


class FaultyApp:
    """The application behind the faults; remembers every request."""

    def __init__(self, app: ASGIApp, faults: list[Fault], requests: list[str]) -> None:
        self._app, self._faults, self._requests = app, faults, requests
        self.changing = 0  # requests under way that ask for a change

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = f"{scope['method']} {scope['path']}"
        self._requests.append(request)
        changes = scope["method"] not in {"GET", "HEAD"}
        self.changing += changes
        try:
            await self._answer(request, scope, receive, send)
        finally:
            self.changing -= changes

    async def _answer(self, request: str, scope: Scope, receive: Receive, send: Send) -> None:
        fault = next((one for one in self._faults if one.meets(request)), None)
        if fault is None:
            await self._app(scope, receive, send)
            return
        if fault.kind.endswith("-after"):
            await self._app(scope, receive, _swallow)
        match fault.kind.removesuffix("-after"):
            case "hold":
                while not fault.let_go:
                    await asyncio.sleep(0.01)
                await self._app(scope, receive, send)
            case "hang":
                await asyncio.sleep(3600)
            case "drop":
                await _begin(send, 200, b"", length=1000)
                raise DroppedError
            case _:
                body = json.dumps({"detail": fault.detail}).encode()
                await _begin(send, fault.status, body, fault.retry_after)
                await send({"type": "http.response.body", "body": body})


async def _swallow(message: Message) -> None:
    """Nobody hears the answer."""


async def _begin(
    send: Send, status: int, body: bytes, retry_after: str | None = None, length: int | None = None
) -> None:
    size = len(body) if length is None else length
    headers = [(b"content-type", b"application/json"), (b"content-length", str(size).encode())]
    if retry_after is not None:
        headers.append((b"retry-after", retry_after.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if length is not None:
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
