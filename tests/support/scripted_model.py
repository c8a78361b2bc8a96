"""A strict server of OpenAI's chat completions on 127.0.0.1 that plays a script, healthy or ill.

    with scripted_model() as model:
        model.play(call("find_runs", workload="news"), say("The best is {{v:r-1/…}}."))

A script is a list of turns, one for each request, or a function that decides from the request. A
request that a strict server would not take is answered by 400 and fails the test at the end of the
`with`; so does one after the last turn.
"""

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from tests.support.scripted_request import ChatRequest
from tests.support.scripted_turns import Decide, Script, Turn

MODEL = "scripted-1"
KEY = "sk-scripted-hunter2"


class ScriptedModel:
    """What it was asked, and what it will do."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[ChatRequest] = []
        self.headers: list[dict[str, str]] = []
        self.faults: list[str] = []
        self.listed: list[str] | None = [MODEL]  # None: it has no list of models
        self.key: str | None = KEY  # None takes every request
        self._script: Script | Decide = []
        self._played = 0

    def play(self, *script: Turn | Decide) -> None:
        """From now on this: one function for all requests, or a turn for each."""
        self.requests.clear()
        self.headers.clear()
        self._played = 0
        whole = len(script) == 1 and not isinstance(script[0], Turn)
        self._script = script[0] if whole else list(script)  # type: ignore[assignment]

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/chat/completions"""
        refusal = self._unauthorised(request)
        if refusal is not None:
            return refusal
        try:
            asked = ChatRequest.model_validate_json(await request.read())
        except ValidationError as error:
            return self._fault(str(error))
        if asked.model != MODEL:
            return _error(404, f"The model `{asked.model}` does not exist.")
        self.requests.append(asked)
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        try:
            turn = self._next(asked)
        except Exception as error:  # noqa: BLE001 - the script is the test's, which has to hear of it
            return self._fault(f"The script has failed: {error!r}.")
        if turn is None:
            return self._fault("The script is over, and the model was asked again.")
        return await self._play(request, asked, turn)

    async def _play(
        self, request: web.Request, asked: ChatRequest, turn: Turn
    ) -> web.StreamResponse:
        await asyncio.sleep(turn.wait)
        if turn.status != 200:
            return _error(turn.status, "As the script says.", turn.headers)
        if turn.raw is not None:
            return web.Response(text=turn.raw, content_type="application/json")
        if asked.stream:
            return await self._stream(request, asked, turn)
        if turn.drop_after is not None:
            return _gone(request)
        return web.json_response(self._completion(asked, turn))

    async def models(self, request: web.Request) -> web.StreamResponse:
        """GET /v1/models"""
        if (refusal := self._unauthorised(request)) is not None:
            return refusal
        if self.listed is None:
            return _error(404, "There is no such path.")
        data = [{"id": name, "object": "model"} for name in self.listed]
        return web.json_response({"object": "list", "data": data})

    def _next(self, asked: ChatRequest) -> Turn | None:
        if callable(self._script):
            return self._script(asked)
        if self._played >= len(self._script):
            return None
        turn = self._script[self._played]
        self._played += 1
        return turn if isinstance(turn, Turn) else turn(asked)

    def _unauthorised(self, request: web.Request) -> web.Response | None:
        given = request.headers.get("Authorization", "")
        if self.key is None or given == f"Bearer {self.key}":
            return None
        return _error(401, f"Incorrect API key provided: {given.removeprefix('Bearer ')}.")

    def _fault(self, what: str) -> web.Response:
        self.faults.append(what)
        return _error(400, what)

    def _completion(self, asked: ChatRequest, turn: Turn) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": turn.text or None}
        if turn.calls:
            message["tool_calls"] = [
                _tool_call(self._id(i), *one) for i, one in enumerate(turn.calls)
            ]
        else:
            message["content"] = turn.text
        choice = {"index": 0, "finish_reason": _finish(turn), "message": message}
        return {
            **self._head("chat.completion"),
            "choices": [choice] if turn.choices else [],
            "usage": _usage(asked, turn),
        }

    async def _stream(
        self, request: web.Request, asked: ChatRequest, turn: Turn
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        sent = 0
        async for chunk in self._chunks(asked, turn):
            if sent == turn.drop_after:
                return _gone(request)
            await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
            sent += 1
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _chunks(self, asked: ChatRequest, turn: Turn) -> AsyncIterator[dict[str, Any]]:
        head = self._head("chat.completion.chunk")
        if turn.choices:
            deltas = [{"role": "assistant", "content": ""}, *self._deltas(turn), {}]
            for number, delta in enumerate(deltas):
                await asyncio.sleep(turn.pause)
                finish = _finish(turn) if number == len(deltas) - 1 else None
                choice = {"index": 0, "delta": delta, "finish_reason": finish}
                yield {**head, "choices": [choice]}
        if asked.stream_options is not None and asked.stream_options.include_usage:
            yield {**head, "choices": [], "usage": _usage(asked, turn)}

    def _deltas(self, turn: Turn) -> Iterator[dict[str, Any]]:
        """A word, or a part of some arguments, at a time."""
        for word in re.findall(r"\s*\S+|\s+", turn.text):
            yield {"content": word}
        for index, (name, arguments) in enumerate(turn.calls):
            first = _tool_call(self._id(index), name, "")
            yield {"tool_calls": [{"index": index, **first}]}
            for start in range(0, len(arguments), 8):
                part = {"arguments": arguments[start : start + 8]}
                yield {"tool_calls": [{"index": index, "function": part}]}

    def _id(self, index: int) -> str:
        return f"call_{len(self.requests)}_{index}"

    def _head(self, kind: str) -> dict[str, Any]:
        number = len(self.requests)
        return {
            "id": f"chatcmpl-{number}", "object": kind, "created": 1_760_000_000, "model": MODEL
        }  # fmt: skip


def _tool_call(identifier: str, name: str, arguments: str) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": identifier, "type": "function", "function": function}


def _finish(turn: Turn) -> str:
    return "tool_calls" if turn.calls else "stop"


def _usage(asked: ChatRequest, turn: Turn) -> dict[str, int]:
    """Four letters a token."""
    prompt = len(asked.model_dump_json(exclude_none=True)) // 4
    said = (len(turn.text) + sum(map(len, (part for one in turn.calls for part in one)))) // 4
    return {"prompt_tokens": prompt, "completion_tokens": said, "total_tokens": prompt + said}


def _error(code: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    content = {"error": {"message": message, "type": "invalid_request_error"}}
    return web.json_response(content, status=code, headers=headers)


def _gone(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@contextmanager
def scripted_model() -> Iterator[ScriptedModel]:
    """The server, on a port and in a thread of its own; its faults fail the test."""
    model, started, stop = ScriptedModel(), threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        app = web.Application(client_max_size=16 * 1024**2)
        app.router.add_post("/v1/chat/completions", model.complete)
        app.router.add_get("/v1/models", model.models)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        model.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        started.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    try:
        assert started.wait(10), "the scripted model does not start"
        yield model
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
    assert not model.faults, "\n".join(model.faults)
