"""Asking a model through the inference gateway, and reading answers."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import Any

from flywheel.adapters.nemo_platform.client import NemoPlatformClient
from flywheel.adapters.nemo_platform.wire import Completion
from flywheel.ports.platform import PredictionRow
from flywheel.records import content_text

_SENT = ("messages", "tools", "tool_choice", "response_format", "max_tokens")


async def ask(
    client: NemoPlatformClient,
    model: str,
    requests: Mapping[int, Mapping[str, Any]],
    parallel: int,
) -> list[PredictionRow]:
    """The answers to logged requests, by row; at most `parallel` at the same time.

    Raises the first error of any of them.
    """
    slots = asyncio.Semaphore(parallel)

    async def one(row: int, request: Mapping[str, Any]) -> PredictionRow:
        async with slots:
            completion, seconds = await client.complete(asked(model, request))
        return prediction(row, completion, seconds)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(*item)) for item in sorted(requests.items())]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


def asked(model: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """A logged request, as it is put to another model."""
    kept = {key: request[key] for key in _SENT if key in request}
    return {**kept, "model": model, "temperature": 0}


def prediction(row: int, completion: Completion, seconds: float) -> PredictionRow:
    """An answer as we keep it."""
    choice = completion.choices[0]
    message = choice.get("message") or {}
    usage = completion.usage
    return PredictionRow(
        row=row,
        answer=content_text(message.get("content")),
        tool_calls=message.get("tool_calls") or None,
        seconds=seconds,
        input_tokens=0 if usage is None else usage.prompt_tokens,
        output_tokens=0 if usage is None else usage.completion_tokens,
        confidence=_confidence(choice),
    )


def _confidence(choice: Mapping[str, Any]) -> float | None:
    """The probability of the whole answer: that of its tokens, multiplied."""
    tokens: Sequence[Any] = (choice.get("logprobs") or {}).get("content") or ()
    given = [token.get("logprob") for token in tokens if isinstance(token, dict)]
    logs = [log for log in given if isinstance(log, int | float)]
    if not logs or len(logs) < len(tokens):
        return None
    return math.exp(min(0.0, math.fsum(logs)))
