"""What an evaluation set asks for: sampling settings and tools, the same in every row or not."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, Field

from flywheel.datasets.classes import ANSWER

# Of a logged request, what says how to answer. The model is the candidate's, streaming ours.
SAMPLING = (
    "temperature",
    "max_tokens",
    "top_p",
    "stop",
    "seed",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "presence_penalty",
    "frequency_penalty",
)


class EvalFacts(BaseModel):
    """What holds for all rows of an evaluation set."""

    rows: int
    sampling: dict[str, Any] | None = Field(
        description="Settings that every request has; None where requests differ"
    )
    tools: bool | None = Field(description="Whether requests offer tools; None where some do")
    answers_call_tools: bool = Field(description="Whether every answer calls a tool")
    labelled: bool = Field(description="Whether every answer has a class of its own")

    @property
    def alike(self) -> bool:
        """Whether one template fits every row."""
        return self.sampling is not None and self.tools is not None


def sampling_of(request: dict[str, Any]) -> dict[str, Any]:
    """How the logged request wanted to be answered."""
    found = {key: request[key] for key in SAMPLING if request.get(key) is not None}
    if "max_tokens" not in found and request.get("max_completion_tokens") is not None:
        found["max_tokens"] = request["max_completion_tokens"]  # its newer name
    return found


def facts_of(rows: Iterable[dict[str, Any]]) -> EvalFacts:
    """Read an evaluation set."""
    number = 0
    sampling: list[dict[str, Any]] = []
    tools, calls, labels = set(), [], set()
    for row in rows:
        number += 1
        found = sampling_of(row["request"])
        if found not in sampling[:2]:
            sampling.append(found)
        tools.add(bool(row["request"].get("tools")))
        calls.append(bool(row["response"]["choices"][0]["message"].get("tool_calls")))
        labels.add(row.get("label"))
    return EvalFacts(
        rows=number,
        sampling=sampling[0] if len(sampling) == 1 and _plain(sampling[0]) else None,
        tools=tools.pop() if len(tools) == 1 else None,
        answers_call_tools=all(calls),
        labelled=all(labels) and labels != {ANSWER},
    )


def _plain(sampling: dict[str, Any]) -> bool:
    """Whether no text in it would be taken for a template."""
    text = orjson.dumps(sampling)
    return b"{{" not in text and b"{%" not in text


def read_lines(path: str | Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines."""
    with Path(path).open("rb") as file:
        return [orjson.loads(line) for line in file]
