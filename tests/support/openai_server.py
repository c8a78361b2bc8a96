"""A strict server of OpenAI's API on 127.0.0.1 whose answers are a real, small model.

The model is a nearest neighbour: it answers like the example in its prompt whose question is most
alike (TF-IDF), and always the same where there is none. So examples help it, as they help others.
"""

import asyncio
import itertools
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from aiohttp import web
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer

MODEL = "neighbour-1"
EMBEDDER = "hashed-words"
CONTEXT = 2000  # tokens
ROLES = {"system", "user", "assistant", "tool"}

Body = dict[str, Any]
Fault = Callable[[web.Request], Awaitable[web.StreamResponse]]


class BadRequestError(Exception):
    """What a strict server refuses."""


class OpenAIServer:
    """Holds what it was asked. `faults` has, by question, what happens at each attempt."""

    def __init__(self, constant: str = "[[[Earnings]]]", key: str = "") -> None:
        self.url = ""
        self.constant, self.key = constant, key
        self.bodies: list[Body] = []  # of well-formed requests that were answered
        self.asked: Counter[str] = Counter()  # attempts, by question
        self.refused: list[str] = []
        self.embedded: list[list[str]] = []
        self.faults: dict[str, list[Fault]] = {}
        self.every: Fault | None = None
        self.usage = True
        self.before: Callable[[], Awaitable[object]] | None = None  # awaited before each answer
        self.at_once = self.most_at_once = 0

    @property
    def with_examples(self) -> list[Body]:
        """Requests that held more than the question."""
        return [body for body in self.bodies if len(examples_of(body["messages"])) > 0]

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/chat/completions"""
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if (refusal := self._unauthorised(request)) is not None:
                return refusal
            body = await request.json()
            if body.get("model") != MODEL:
                return error(404, f"The model `{body.get('model')}` does not exist.")
            try:
                check(body)
            except BadRequestError as fault:
                self.refused.append(str(fault))
                return error(400, str(fault))
            question = question_of(body["messages"])
            planned, attempt = self.faults.get(question, []), self.asked[question]
            self.asked[question] += 1
            if attempt < len(planned):
                return await planned[attempt](request)
            if self.every is not None:
                return await self.every(request)
            if self.before is not None:
                await self.before()
            self.bodies.append(body)
            return web.json_response(self._completion(body))
        finally:
            self.at_once -= 1

    async def models(self, request: web.Request) -> web.StreamResponse:
        """GET /v1/models"""
        refusal = self._unauthorised(request)
        listed = {"object": "list", "data": [{"id": MODEL, "object": "model"}]}
        return refusal or web.json_response(listed)

    async def embed(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/embeddings"""
        if (refusal := self._unauthorised(request)) is not None:
            return refusal
        body = await request.json()
        if body.keys() != {"model", "input"} or body["model"] != EMBEDDER:
            return error(400, "This embedder takes a model that it has, and input.")
        if not body["input"] or not all(isinstance(t, str) and t for t in body["input"]):
            return error(400, "Every input must be text.")
        self.embedded.append(body["input"])
        rows = HashingVectorizer(n_features=256, norm=None).transform(body["input"]).toarray()
        data = [
            {"object": "embedding", "index": i, "embedding": v.tolist()} for i, v in enumerate(rows)
        ]
        return web.json_response({"object": "list", "model": EMBEDDER, "data": data[::-1]})

    def _unauthorised(self, request: web.Request) -> web.Response | None:
        if self.key and request.headers.get("Authorization") != f"Bearer {self.key}":
            given = request.headers.get("Authorization", "").removeprefix("Bearer ")
            return error(401, f"Incorrect API key provided: {given}.")
        return None

    def _completion(self, body: Body) -> Body:
        message = answer(body, self.constant)
        made: Body = {
            "id": f"chatcmpl-{len(self.bodies)}",
            "object": "chat.completion",
            "created": 1_760_000_000,
            "model": MODEL,
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        }
        if self.usage:
            prompt, said = prompt_tokens(body), tokens(json.dumps(message))
            made["usage"] = {
                "prompt_tokens": prompt,
                "completion_tokens": said,
                "total_tokens": prompt + said,
            }
        return made


def check(body: Body) -> None:
    """As a strict server does. Raises BadRequestError."""
    known = {"model", "messages", "tools", "tool_choice", "temperature", "max_tokens", "top_p"}
    if unknown := body.keys() - known:
        raise BadRequestError(f"Unknown parameter: {sorted(unknown)[0]}.")
    if body.get("tool_choice") is not None and not body.get("tools"):
        raise BadRequestError("tool_choice is only allowed with tools.")
    check_messages(body["messages"])
    if (length := prompt_tokens(body)) + (body.get("max_tokens") or 0) > CONTEXT:
        raise BadRequestError(
            f"This model's maximum context length is {CONTEXT} tokens, the messages have {length}."
        )


def check_messages(messages: list[Body]) -> None:
    """Roles alternate, and every tool call has its result before anybody else speaks."""
    if not messages:
        raise BadRequestError("messages is empty.")
    before, open_calls = "", []
    for number, message in enumerate(messages):
        role, calls = message["role"], message.get("tool_calls")
        if role not in ROLES:
            raise BadRequestError(f"messages[{number}] has no known role.")
        if role == "tool":
            if message.get("tool_call_id") not in open_calls:
                raise BadRequestError(f"messages[{number}] answers no tool call.")
            open_calls.remove(message["tool_call_id"])
        elif open_calls:
            raise BadRequestError(f"tool call {open_calls[0]} has no result.")
        allowed = {
            "system": {"", "system"},
            "user": {"", "system", "assistant"},
            "assistant": {"user", "tool"},
            "tool": {"assistant", "tool"},
        }
        if before not in allowed[role]:
            raise BadRequestError(
                f"messages[{number}]: {role} cannot follow {before or 'nothing'}."
            )
        if calls is not None:
            for call in calls:
                if (
                    re.fullmatch(r"[A-Za-z0-9]{9}", call["id"]) is None
                    or call["type"] != "function"
                ):
                    raise BadRequestError(f"messages[{number}] has a malformed tool call.")
                json.loads(call["function"]["arguments"])
            open_calls = [call["id"] for call in calls]
        if not isinstance(message.get("content"), str) and not calls:
            raise BadRequestError(f"messages[{number}] has no content.")
        before = role
    if open_calls or before not in {"user", "tool"}:
        raise BadRequestError("Nobody asks.")


def tokens(text: str) -> int:
    """Words, digits and marks."""
    return len(re.findall(r"\d|[^\W\d]+|[^\w\s]", text))


def prompt_tokens(body: Body) -> int:
    """Of the messages, and of the tools where there are any."""
    said = sum(4 + tokens(m.get("content") or "") for m in body["messages"])
    calls = sum(
        tokens(json.dumps(m["tool_calls"])) for m in body["messages"] if m.get("tool_calls")
    )
    return said + calls + (tokens(json.dumps(body["tools"])) if body.get("tools") else 0)


def question_of(messages: list[Body]) -> str:
    """The last thing that the user said."""
    return next(m["content"] for m in reversed(messages) if m["role"] == "user")


def examples_of(messages: list[Body]) -> list[tuple[str, Body]]:
    """Questions with the assistant's first word on them, before the last question."""
    found = []
    for message, after in itertools.pairwise(messages):
        if message["role"] == "user" and after["role"] == "assistant":
            found.append((message["content"], after))
    return found


def answer(body: Body, constant: str) -> Body:
    """Like the nearest example."""
    examples = examples_of(body["messages"])
    if examples:
        texts = [question for question, _ in examples]
        vectorizer = TfidfVectorizer(token_pattern=r"(?u)\b\w+\b").fit(texts)
        product = (
            vectorizer.transform([question_of(body["messages"])]) @ vectorizer.transform(texts).T
        )
        nearest = examples[int(np.argmax(product.toarray()))][1]
        if not nearest.get("tool_calls"):
            return {"role": "assistant", "content": nearest["content"]}
        calls = [{**call, "id": f"call_{i}"} for i, call in enumerate(nearest["tool_calls"])]
        return {"role": "assistant", "content": None, "tool_calls": calls}
    if tools := body.get("tools"):
        function = {"name": tools[0]["function"]["name"], "arguments": "{}"}
        call = {"id": "call_0", "type": "function", "function": function}
        return {"role": "assistant", "content": None, "tool_calls": [call]}
    return {"role": "assistant", "content": constant}


def error(status: int, message: str, **headers: str) -> web.Response:
    """In OpenAI's form."""
    content = {"error": {"message": message, "type": "invalid_request_error"}}
    return web.json_response(content, status=status, headers=headers)


def status(code: int, message: str = "busy", **headers: str) -> Fault:
    """A fault: another status than 200."""

    async def fault(request: web.Request) -> web.StreamResponse:
        return error(code, message, **headers)

    return fault


async def drop(request: web.Request) -> web.StreamResponse:
    """A fault: the connection is gone."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def stall(request: web.Request) -> web.StreamResponse:
    """A fault: no answer before the client leaves."""
    await asyncio.sleep(60)
    return web.Response()


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[OpenAIServer]:
    """The server, on a port of its own."""
    server = OpenAIServer(**settings)
    app = web.Application()
    app.router.add_post("/v1/chat/completions", server.complete)
    app.router.add_get("/v1/models", server.models)
    app.router.add_post("/v1/embeddings", server.embed)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()
