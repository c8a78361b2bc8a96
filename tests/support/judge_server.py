"""A judge on 127.0.0.1: it compares for real, by words or by calls, and can be made to wait."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from flywheel.settings.sections import JudgeConfig

KEY = "nvapi-hunter2"
MODEL = "judge-1"


class JudgeServer:
    """Speaks /v1/chat/completions, and remembers how often it was asked what.

    Text: 1 to 10 by the share of the reference's words. Calls: 1 where names and arguments are
    equal but for case. Of answers in `unreadable` it says nothing readable, of those in `broken`
    it answers 400. After `limit` answers it holds every request until `open` is set.
    """

    def __init__(self) -> None:
        self.url = ""
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.faults: list[str] = []
        self.unreadable: set[str] = set()
        self.broken: set[str] = set()
        self.limit: int | None = None
        self.open = asyncio.Event()
        self.held = asyncio.Event()  # set once a request has to wait

    def config(self, **more: Any) -> JudgeConfig:
        """How it is reached."""
        quick = {"retry_seconds": 0.01, "timeout_seconds": 30.0, "max_attempts": 2}
        return JudgeConfig.model_validate({"url": self.url, "model_name": MODEL, **quick, **more})

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return web.json_response({"error": "who are you?"}, status=401)
        body = await request.json()
        if body.get("model") != MODEL:
            return web.json_response({"error": "no such model"}, status=404)
        question = body["messages"][1]["content"]
        pair = json.loads(question)
        if not pair["request"].get("messages") or pair.keys() != {"request", "reference", "answer"}:
            self.faults.append(question)
        self.asked[question] += 1
        if self.limit is not None and self.answered.total() >= self.limit:
            self.held.set()
            await self.open.wait()
        if pair["answer"] in self.broken if isinstance(pair["answer"], str) else False:
            return web.Response(status=400)
        self.answered[question] += 1
        return web.json_response({"choices": [{"message": {"content": self._says(pair)}}]})

    def _says(self, pair: dict[str, Any]) -> str:
        reference, given = pair["reference"], pair["answer"]
        if not isinstance(reference, str):
            return json.dumps({"score": int(_plain(reference) == _plain(given))})
        if given in self.unreadable:
            return "Hard to say."
        words = set(reference.split())
        return json.dumps({"score": 1 + round(9 * len(words & set(given.split())) / len(words))})


def _plain(calls: Any) -> Any:
    if not isinstance(calls, list):
        return calls
    parsed = [
        {**c, "arguments": json.loads(c["arguments"])} if isinstance(c["arguments"], str) else c
        for c in calls
    ]
    return sorted(json.dumps(call, sort_keys=True).lower() for call in parsed)


@asynccontextmanager
async def judging() -> AsyncIterator[JudgeServer]:
    """The server, while it runs."""
    judge = JudgeServer()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", judge.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    judge.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield judge
    await runner.cleanup()
    assert judge.faults == []
