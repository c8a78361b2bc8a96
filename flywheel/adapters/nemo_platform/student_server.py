"""`python -m flywheel.adapters.nemo_platform.student_server DIR`: a student behind OpenAI's API.

`/v1/models` and `/v1/chat/completions`, without streams. An answer carries its confidence where
models put it: as the log probability of its one token.
"""

import argparse
import asyncio
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import uvicorn
from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from flywheel.adapters.local_platform import texts
from flywheel.evaluation.prompts import request_text


class Reply(NamedTuple):
    """A label, and how sure the model is of it (0 to 1); None where it cannot say."""

    label: str
    confidence: float | None


Answerer = Callable[[str], Reply]


class ChatBody(BaseModel):
    """What is read of a request; what a student has no use for is ignored."""

    model: str
    messages: list[dict[str, Any]]
    stream: bool = False


def trained(directory: Path) -> Answerer:
    """A trained student. Raises DataError where its files are not the ones that were saved."""
    from flywheel.adapters.local_platform import models, students  # seconds to import

    model = models.load(directory)

    def answer(text: str) -> Reply:
        label, confidence = students.ask(model, text)
        return Reply(label, confidence())

    return answer


def constant(label: str) -> Answerer:
    """What an untrained student answers: always the same."""
    return lambda _: Reply(label, None)


def app(name: str, answer: Answerer) -> Starlette:
    """The API, for one model of that name."""
    created = int(time.time())

    async def list_models(_: Request) -> JSONResponse:
        card = {"id": name, "object": "model", "created": created, "owned_by": "flywheel"}
        return JSONResponse({"object": "list", "data": [card]})

    async def complete(request: Request) -> JSONResponse:
        try:
            body = ChatBody.model_validate_json(await request.body())
        except ValidationError as error:
            place = ".".join(str(part) for part in error.errors()[0]["loc"])
            return _refused(400, f"The request is no chat completion request: see '{place}'.")
        if body.model != name:
            return _refused(404, f"The model here is '{name}'.")
        if body.stream:
            return _refused(400, "Streams are not offered: an answer is one token.")
        text = request_text(body.messages)
        reply = await asyncio.to_thread(answer, text)
        return JSONResponse(_completion(name, text, reply))

    return Starlette(
        routes=[
            Route("/v1/models", list_models),
            Route("/v1/chat/completions", complete, methods=["POST"]),
        ]
    )


def server(application: Starlette) -> uvicorn.Server:
    """Answers until it is told to stop; says nothing of what it was asked."""
    return uvicorn.Server(
        uvicorn.Config(application, log_level="warning", access_log=False, lifespan="off")
    )


def _completion(name: str, text: str, reply: Reply) -> dict[str, Any]:
    answer = texts.answer_text(reply.label)
    asked, answered = texts.count_tokens(text), texts.count_tokens(answer)
    choice: dict[str, Any] = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": answer},
        "logprobs": None,
    }
    if reply.confidence:
        token = {"token": answer, "logprob": math.log(reply.confidence), "top_logprobs": []}
        choice["logprobs"] = {"content": [token]}
    return {
        "id": f"chatcmpl-{uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": name,
        "choices": [choice],
        "usage": {
            "prompt_tokens": asked,
            "completion_tokens": answered,
            "total_tokens": asked + answered,
        },
    }


def _refused(status: int, sentence: str) -> JSONResponse:
    body = {"error": {"message": sentence, "type": "invalid_request_error"}}
    return JSONResponse(body, status_code=status)


def main() -> None:
    """Serve one model directory on 127.0.0.1."""
    parser = argparse.ArgumentParser(description="Serve a trained student.")
    parser.add_argument("directory", type=Path, help="A model that training wrote")
    parser.add_argument("--name", default="student", help="What the model is called")
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args()
    application = app(given.name, trained(given.directory))
    uvicorn.run(application, host="127.0.0.1", port=given.port, access_log=False)


if __name__ == "__main__":
    main()
