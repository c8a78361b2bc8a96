"""A Slack that refuses: the strict one in memory, with what a test wants to go wrong before it."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flywheel.http_server import http_server
from tests.bot.conftest import Scene

Json = dict[str, Any]
ALWAYS = 1_000_000


@dataclass
class Refusal:
    """What one method answers, so many times; `done`: Slack has done it all the same."""

    method: str
    code: str = "internal_error"
    status: int = 200
    times: int = ALWAYS
    retry_after: int | None = None
    done: bool = False
    when: Callable[[Json], bool] = lambda _: True


@dataclass
class RefusingSlack:
    """In front of a scene's workspace."""

    url: str
    refusals: list[Refusal] = field(default_factory=list)
    calls: list[tuple[str, Json]] = field(default_factory=list)

    def called(self, method: str) -> list[Json]:
        """What the calls of a method have asked for."""
        return [arguments for name, arguments in self.calls if name == method]

    def refuse(self, *refusals: Refusal) -> None:
        """From now on these alone go wrong."""
        self.refusals[:] = refusals

    async def answer(self, request: Request) -> Response:
        """What one call of the app gets."""
        method, body = request.path_params["method"], await request.body()
        arguments = dict(request.query_params) | _arguments(request, body)
        self.calls.append((method, arguments))
        fitting = (r for r in self.refusals if r.times and r.method == method and r.when(arguments))
        found = next(fitting, None)
        if found is None:
            return await self._passed_on(request, body)
        found.times -= 1
        if found.done:
            await self._passed_on(request, body)
        headers = {} if found.retry_after is None else {"retry-after": str(found.retry_after)}
        answer = {"ok": False, "error": found.code}
        return JSONResponse(answer, status_code=found.status, headers=headers)

    async def _passed_on(self, request: Request, body: bytes) -> Response:
        kept = ("authorization", "content-type")
        headers = {name: request.headers[name] for name in kept if name in request.headers}
        async with httpx.AsyncClient(trust_env=False) as client:
            passed = await client.request(
                request.method,
                self.url + request.path_params["method"],
                params=request.query_params,
                content=body,
                headers=headers,
            )
        kind = passed.headers.get("content-type")
        return Response(passed.content, passed.status_code, media_type=kind)


@asynccontextmanager
async def refusing(scene: Scene) -> AsyncIterator[RefusingSlack]:
    """The scene's app calls this Slack meanwhile."""
    client = scene.stage.bot.messenger.client
    before = client.base_url
    slack = RefusingSlack(before)
    routes = [Route("/api/{method}", slack.answer, methods=["GET", "POST"])]
    async with http_server(Starlette(routes=routes), "127.0.0.1", 0) as url:
        client.base_url = f"{url}/api/"
        try:
            yield slack
        finally:
            client.base_url = before


def _arguments(request: Request, body: bytes) -> Json:
    if request.headers.get("content-type", "").startswith("application/json"):
        return dict(json.loads(body or b"{}"))
    return dict(parse_qsl(body.decode()))
