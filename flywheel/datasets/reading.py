"""What one record brings to a dataset: what its answer holds and what it may repeat. Pure."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson
from pydantic import BaseModel

from flywheel.datasets.labels import bracketed, label_places
from flywheel.datasets.normalise import near_key
from flywheel.records import ChatRequest, Message, Record, content_text

# What an answer holds: a label in brackets, other text, or tool calls.
LABEL, TEXT, TOOLS = range(3)

OPERATOR = ("system", "developer")
TOOL_SEPARATOR = "+"


class Reading(NamedTuple):
    """One valid record, reduced to what the split needs.

    Records with the same `exact` ask the same, letter by letter; with the same `near`, but for
    case, white space, links and punctuation. Both are hashes that hold within one process.
    """

    kind: int  # LABEL, TEXT or TOOLS
    answer: str  # the label, the text where a label may stand, or the tools' names
    exact: int
    near: int
    text: str  # what is left of the text asked, as `near` compares it


def read(record: Record) -> Reading:
    """Reduce a record. What the operator says (system, developer) does not count: the same
    question under two versions of a prompt is the same question.
    """
    request = record.request
    asked = _asked(request.messages)
    tools = _tools_on_offer(request.tools) if request.tools else ""
    kind, answer = read_answer(record.answer)
    near, text = _near(tools, asked)
    return Reading(kind, answer, hash((tools, tuple(asked))), near, text)


def near_of_training_line(line: bytes) -> int:
    """The `near` of the record that a line of a training file was made of."""
    parsed = TrainingLine.model_validate_json(line)
    tools = _tools_on_offer(parsed.tools) if parsed.tools else ""
    return _near(tools, _asked(parsed.messages[:-1]))[0]


def asked_by_evaluation_line(line: bytes) -> tuple[int, str]:
    """The `near` and the `text` of the record that a line of an evaluation file was made of."""
    request = EvaluationLine.model_validate_json(line).request
    tools = _tools_on_offer(request.tools) if request.tools else ""
    return _near(tools, _asked(request.messages))


def asked_text(request: ChatRequest) -> str:
    """What is asked, for people: every message but the operator's."""
    return "\n".join(text for _, text in _asked(request.messages))


class TrainingLine(BaseModel):
    """A line of a training file, as far as it tells what was asked."""

    messages: list[Message]
    tools: list[dict[str, Any]] | None = None


class EvaluationLine(BaseModel):
    """A line of an evaluation file, as far as it tells what was asked."""

    request: ChatRequest


def _asked(messages: Sequence[Message]) -> list[tuple[str, str]]:
    return [
        (m.role, m.content if isinstance(m.content, str) else content_text(m.content))
        for m in messages
        if m.role not in OPERATOR
    ]


def _near(tools: str, asked: Sequence[tuple[str, str]]) -> tuple[int, str]:
    keys = [(role, near_key(text)) for role, text in asked]
    text = keys[0][1] if len(keys) == 1 else "\n".join([key for _, key in keys])
    return hash((tools, tuple(keys))), text


def read_answer(answer: Message) -> tuple[int, str]:
    """What kind of answer it is, and its class as far as it can be read on its own."""
    if calls := answer.tool_calls:
        return TOOLS, TOOL_SEPARATOR.join(sorted(call.function.name for call in calls))
    text = content_text(answer.content)
    label = bracketed(text)
    return (TEXT, label_places(text)) if label is None else (LABEL, label)


def bad_arguments(answer: Message) -> bool:
    """Whether a tool call's arguments are no JSON object."""
    for call in answer.tool_calls or ():
        arguments = call.function.arguments
        try:
            parsed = orjson.loads(arguments) if isinstance(arguments, str) else arguments
        except orjson.JSONDecodeError:
            return True
        if not isinstance(parsed, dict):
            return True
    return False


def _tools_on_offer(tools: list[dict[str, Any]]) -> str:
    """The same question with other tools is another question."""
    functions = (tool.get("function") for tool in tools)
    return ",".join(sorted(str(f.get("name")) for f in functions if isinstance(f, dict)))
