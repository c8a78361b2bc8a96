"""What one record brings to a dataset: what its answer holds and what it may repeat. Pure."""

from hashlib import blake2b
from typing import NamedTuple

import orjson

from flywheel.datasets.labels import bracketed
from flywheel.datasets.normalise import near_key
from flywheel.records import Message, Record

# What an answer holds: a label in brackets, other text, or tool calls.
LABEL, TEXT, TOOLS = range(3)

TOOL_SEPARATOR = "+"
LONGEST_LABEL = 200


class Reading(NamedTuple):
    """One valid record, reduced to what the split needs."""

    kind: int  # LABEL, TEXT or TOOLS
    answer: str  # the label, the text where a label may stand, or the tools' names
    exact: int  # two records with the same number ask the same, letter by letter
    near: int  # ... but for case, white space, links and punctuation


def read(record: Record) -> Reading:
    """Reduce a record."""
    asked = [(m.role, m.text) for m in record.request.messages if m.role != "system"]
    tools = _tools_on_offer(record)
    return Reading(
        *read_answer(record.answer),
        _number("\x1f".join(f"{role}:{text}" for role, text in asked) + tools),
        _number("\x1f".join(f"{role}:{near_key(text)}" for role, text in asked) + tools),
    )


def read_answer(answer: Message) -> tuple[int, str]:
    """What kind of answer it is, and its class as far as it can be read on its own."""
    if answer.tool_calls:
        names = sorted(call.function.name for call in answer.tool_calls)
        return TOOLS, TOOL_SEPARATOR.join(names)
    text = answer.text
    label = bracketed(text)
    return (TEXT, _ends(text)) if label is None else (LABEL, label)


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


def _ends(text: str) -> str:
    """The first and last line of a long text: a bare label stands nowhere else."""
    if len(text) <= LONGEST_LABEL:
        return text
    lines = [line[:LONGEST_LABEL] for line in text.splitlines() if line.strip()]
    return "\n".join((*lines[:1], *lines[-1:]))


def _tools_on_offer(record: Record) -> str:
    """The same question with other tools is another question."""
    if not record.request.tools:
        return ""
    functions = (tool.get("function") for tool in record.request.tools)
    names = sorted(str(f.get("name")) for f in functions if isinstance(f, dict))
    return "\x1e" + ",".join(names)


def _number(text: str) -> int:
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)
