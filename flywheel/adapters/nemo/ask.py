"""Asking a candidate ourselves, through the NIM proxy: for rows that Evaluator does not give."""

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flywheel.adapters.nemo.client import NemoClient
from flywheel.adapters.nemo.facts import sampling_of
from flywheel.adapters.nemo.rows import prediction
from flywheel.errors import InvalidInputError
from flywheel.ports.platform import PredictionRow


class Answers:
    """The answers to an evaluation: a file with one line for each, appended to as they come."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def read(self) -> dict[int, PredictionRow]:
        """By row; of two the first counts. A line that was being written is none."""
        return await asyncio.to_thread(self._read)

    async def add(self, rows: Sequence[PredictionRow]) -> None:
        """Append them."""
        if rows:
            await asyncio.to_thread(self._add, rows)

    def _read(self) -> dict[int, PredictionRow]:
        found: dict[int, PredictionRow] = {}
        if self._path.exists():
            for line in self._path.read_bytes().split(b"\n"):
                if line.endswith(b"}"):
                    row = PredictionRow.model_validate_json(line)
                    found.setdefault(row.row, row)
        return found

    def _add(self, rows: Sequence[PredictionRow]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lines = b"".join(row.model_dump_json().encode() + b"\n" for row in rows)
        with self._path.open("ab+", buffering=0) as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # after a line that was never finished
                    lines = b"\n" + lines
            file.write(lines)  # at once, so that nobody else's comes between


async def ask_all(
    client: NemoClient, model: str, requests: Sequence[Mapping[str, Any]], answers: Answers
) -> None:
    """Ask for every row that has no answer yet, so many at a time.

    A request that the server refuses (too long, say) has an empty answer, which is wrong; where
    it refuses all, InvalidInputError is raised. Raises UnavailableError and the like.
    """
    known = await answers.read()
    missing = [row for row in range(len(requests)) if row not in known]
    slots = asyncio.Semaphore(client.config.concurrent_requests)
    refused: list[tuple[int, InvalidInputError]] = []

    async def one(row: int) -> None:
        async with slots:
            try:
                await answers.add([await _ask(client, model, row, requests[row])])
            except InvalidInputError as error:
                refused.append((row, error))

    try:
        async with asyncio.TaskGroup() as group:
            for row in missing:
                group.create_task(one(row))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    if refused and len(refused) == len(requests):
        raise refused[0][1]
    await answers.add(
        [
            PredictionRow(row=row, answer="", seconds=0.0, input_tokens=0, output_tokens=0)
            for row, _ in refused
        ]
    )


async def _ask(
    client: NemoClient, model: str, row: int, request: Mapping[str, Any]
) -> PredictionRow:
    more = sampling_of(dict(request))
    if request.get("tools"):
        more["tools"] = request["tools"]
    started, seconds = time.perf_counter(), client.config.answer_timeout_seconds

    async def call() -> Any:
        nonlocal started
        started = time.perf_counter()  # of this attempt
        return await client.sdk.chat.completions.create(
            model=model,
            messages=request["messages"],
            extra_body=more,  # as it was logged, whatever the SDK knows of it
            timeout=seconds,
        )

    reply = await client.read(f"an answer of {model}", call, seconds)
    took = time.perf_counter() - started
    return prediction(row, reply.model_dump(mode="json", exclude_none=True), request, took)
