"""The NIM proxy: lists what is served, and answers as an OpenAI-compatible server does."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flywheel.adapters.local_platform.texts import count_tokens, request_text
from flywheel.records import content_text
from tests.support.nemo_double.students import Message, answer_key, base_answer
from tests.support.nemo_double.world import World

_BODY = {
    "model": str,
    "messages": list,
    "temperature": int | float,
    "max_tokens": int,
    "top_p": int | float,
    "stop": list | str,
    "seed": int,
    "tools": list,
    "tool_choice": dict | str,
    "parallel_tool_calls": bool,
    "response_format": dict,
    "presence_penalty": int | float,
    "frequency_penalty": int | float,
    "n": int,
    "nvext": dict,
}
SIZE = 16  # of an embedding


def routes(world: World) -> list[Route]:
    """Under the address of the NIM proxy."""
    proxy = _Proxy(world)
    return [
        Route("/v1/models", proxy.models),
        Route("/v1/chat/completions", proxy.chat, methods=["POST"]),
        Route("/v1/embeddings", proxy.embeddings, methods=["POST"]),
    ]


class _Proxy:
    def __init__(self, world: World) -> None:
        self._world = world
        self._seen: tuple[int, Counter[str]] = (-1, Counter())

    def _served(self) -> Iterator[str]:
        """A fine-tuned model is served by a deployment of its base model."""
        for model in self._world.listed:
            base = self._world.models.get(model, {}).get("base_model", model)
            if base in self._world.listed:
                yield model

    async def models(self, request: Request) -> Response:
        data = [{"id": model, "object": "model"} for model in sorted(self._served())]
        return JSONResponse({"object": "list", "data": data})

    async def chat(self, request: Request) -> Response:
        body = await request.json()
        world = self._world
        for key, value in body.items():
            if key not in _BODY or not isinstance(value, _BODY[key]):
                return _error(422, f"{key} is not as the API takes it")
        if body.get("model") not in set(self._served()):
            return _error(404, f"model {body.get('model')} not found")
        for message in body["messages"]:
            if any(
                not isinstance(call["function"]["arguments"], str)
                for call in message.get("tool_calls") or ()
            ):
                return _error(422, "arguments of a tool call must be text")
        world.asked.append(body)
        world.at_once += 1
        world.most_at_once = max(world.most_at_once, world.at_once)
        try:
            await world.clock.sleep(world.durations.answer)
            message = self._answer(body)
        finally:
            world.at_once -= 1
        said = content_text(message.get("content")) + json.dumps(message.get("tool_calls", ""))
        text = request_text(body["messages"])
        usage = {"prompt_tokens": count_tokens(text), "completion_tokens": count_tokens(said)}
        return JSONResponse(
            {
                "id": "chat-1",
                "object": "chat.completion",
                "created": 1,
                "model": body["model"],
                "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
                "usage": {**usage, "total_tokens": sum(usage.values())},
            }
        )

    def _answer(self, body: dict[str, Any]) -> Message:
        asked = _judged(body["messages"])
        if asked is not None:
            same = _plain(asked["answer"]) == _plain(asked["reference"])
            worst, best = (0, 1) if isinstance(asked["reference"], list) else (1, 10)
            score = best if same else worst
            return {"role": "assistant", "content": json.dumps({"score": score})}
        model = self._world.trained.get(body["model"])
        if model is not None:
            return model.answer(body["messages"])
        return base_answer(body["messages"], self._frequent())

    def _frequent(self) -> Counter[str]:
        """How often each answer stands in what was uploaded for training."""
        commits = sum(repo.commits for repo in self._world.repos.values())
        if self._seen[0] != commits:
            lines = [
                json.loads(line)
                for repo in self._world.repos.values()
                for name, content in repo.files.items()
                if name.startswith("training/")
                for line in content.splitlines()
            ]
            self._seen = commits, Counter(answer_key(line["messages"][-1]) for line in lines)
        return self._seen[1]

    async def embeddings(self, request: Request) -> Response:
        body = await request.json()
        if body.get("model") not in set(self._served()):
            return _error(404, f"model {body.get('model')} not found")
        data = [
            {"index": i, "object": "embedding", "embedding": _vector(text)}
            for i, text in enumerate(body["input"])
        ]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        return JSONResponse(
            {"object": "list", "model": body["model"], "data": data, "usage": usage}
        )


def _judged(messages: list[Message]) -> dict[str, Any] | None:
    """What a judge is asked to compare, where it is one."""
    try:
        asked = json.loads(messages[-1]["content"])
    except (TypeError, ValueError):
        return None
    return asked if isinstance(asked, dict) and {"reference", "answer"} <= set(asked) else None


def _plain(given: Any) -> Any:
    """Tool calls without their ids, their arguments read."""
    if not isinstance(given, list):
        return given
    calls = [call.get("function", call) for call in given]
    return [
        (
            c["name"],
            json.loads(c["arguments"]) if isinstance(c["arguments"], str) else c["arguments"],
        )
        for c in calls
    ]


def _vector(text: str) -> list[float]:
    """Words in buckets: texts that share words are alike."""
    counts = [0.0] * SIZE
    for word in text.split():
        counts[hashlib.sha256(word.encode()).digest()[0] % SIZE] += 1.0
    return counts


def _error(status: int, text: str) -> Response:
    return JSONResponse({"error": {"message": text}}, status_code=status)
