"""Records for tests: the shape of production, with as little in them as a test needs."""

import gzip
import os
from pathlib import Path
from typing import Any

import orjson
import pytest

SHARED = Path(os.environ.get("FLYWHEEL_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))

START = 1_760_000_000


def answer(content: str | None, **more: Any) -> dict[str, Any]:
    """A ChatCompletion with this text."""
    message = {"role": "assistant", "content": content, **more}
    return {"choices": [{"index": 0, "finish_reason": "stop", "message": message}]}


def tool_call(name: str, arguments: str = "{}") -> dict[str, Any]:
    """One call as it stands in an answer."""
    return {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}


def record(text: str = "Profit rises", label: str = "Earnings", number: int = 0) -> dict[str, Any]:
    """A headline and its label."""
    return {
        "timestamp": START + number,
        "workload_id": "news",
        "client_id": "desk",
        "request": {"model": "big", "messages": [{"role": "user", "content": text}]},
        "response": answer(f"[[[{label}]]]"),
    }


def call_record(text: str, *tools: str, number: int = 0, arguments: str = "{}") -> dict[str, Any]:
    """A question that was answered by calling these tools."""
    made = record(text, number=number)
    made["request"]["tools"] = [
        {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
        for name in ("search", "book", "cancel")
    ]
    made["response"] = answer(None, tool_calls=[tool_call(name, arguments) for name in tools])
    return made


def write_lines(path: Path, *lines: dict[str, Any] | bytes) -> Path:
    """JSONL; bytes are written as they are. Gzip where the name ends in .gz."""
    text = b"".join(
        (line if isinstance(line, bytes) else orjson.dumps(line)) + b"\n" for line in lines
    )
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def real_file(name: str) -> Path:
    """One of the real logs, or skip the test."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{name} is not here")
    return path


def real_labels(name: str) -> list[str]:
    """The labels of a real log, in its order."""
    with gzip.open(real_file(name)) as file:
        answers = [orjson.loads(line)["response"]["choices"][0]["message"] for line in file]
    return [answer["content"].strip("[] ") for answer in answers]
