"""One logged request/response pair, as production writes it."""

import json
import re
from hashlib import blake2b
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

OLDEST, NEWEST = 946_684_800, 4_102_444_800  # the years 2000 and 2100, epoch seconds
FOUND_CHARACTERS = 40
_UNION_MEMBERS = {"str", "dict[str,any]", "list[dict[str,any]]"}  # pydantic puts them into places
_NOTHING = {"missing": "missing", "string_too_short": "empty", "too_short": "empty"}
_WANTED = {
    "string_type": "must be text",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "literal_error": "must be {expected}",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "greater_than_equal": "must be at least {ge}",
}
_POSITION = re.compile(r"(?<=[a-z_])\.\d+(?=\.|\s|$)")


class RecordError(ValueError):
    """A line that is no record; the text is one sentence that says why."""


class _Open(BaseModel):
    """Unknown keys are kept: providers add some all the time."""

    model_config = ConfigDict(extra="allow")


class FunctionCall(_Open):
    """What a tool is called with; `arguments` is JSON text, or the object itself."""

    name: str
    arguments: str | dict[str, Any] = ""


class ToolCall(_Open):
    """One tool call of an answer."""

    function: FunctionCall


class Message(_Open):
    """One message; `content` is text, a list of parts, or null beside tool calls."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[dict[str, Any]] | None = Field(None, union_mode="left_to_right")
    tool_calls: list[ToolCall] | None = None


class ChatRequest(_Open):
    """An OpenAI chat-completions request."""

    model: str | None = None
    messages: list[Message] = Field(min_length=1)
    tools: list[dict[str, Any]] | None = None


class Choice(_Open):
    """One of the answers."""

    message: Message


class Usage(_Open):
    """Tokens, as the provider counted them."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class ChatResponse(_Open):
    """A ChatCompletion."""

    model: str | None = None
    choices: list[Choice] = Field(min_length=1)
    usage: Usage | None = None


class Record(_Open):
    """A record of the log."""

    timestamp: float = Field(
        strict=True, ge=OLDEST, lt=NEWEST, allow_inf_nan=False, description="Epoch seconds"
    )
    workload_id: str = Field(min_length=1)
    client_id: str = Field(min_length=1)
    request: ChatRequest
    response: ChatResponse
    latency_seconds: float | None = Field(
        None, strict=True, ge=0, allow_inf_nan=False, description="How long the teacher took"
    )

    @property
    def answer(self) -> Message:
        """The teacher's answer: the message of the first choice."""
        return self.response.choices[0].message


_NO_ANSWER = "response.choices.message has neither content nor tool calls"


def parse_record(body: bytes) -> Record:
    """Read a record from its JSON. Raises RecordError."""
    try:
        record = Record.model_validate_json(body)
    except ValidationError as error:
        raise RecordError(_sentence(error)) from None
    if not record.answer.content and not record.answer.tool_calls:
        raise RecordError(_NO_ANSWER)
    return record


def reason_class(reason: str) -> str:
    """A reason without what was found and without list positions, so that it can be counted."""
    return _POSITION.sub("", reason.partition(", not ")[0].partition(" at column ")[0])


def record_id(value: dict[str, Any]) -> str:
    """A content hash: the same record, whatever the order of its keys, has the same id."""
    return blake2b(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


def content_text(content: object) -> str:
    """The text of a message's content, which is text, a list of parts, or null."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = (part.get("text") for part in content if isinstance(part, dict))
        return "\n".join(text for text in texts if isinstance(text, str))
    return ""


def _sentence(error: ValidationError) -> str:
    """The first fault, in words: 'response.choices is missing'."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"] if part not in _UNION_MEMBERS)
    if first["type"] == "json_invalid":
        return f"it is not valid JSON: {first['msg'].removeprefix('Invalid JSON: ')}"
    if first["type"] in _NOTHING:
        return f"{place} is {_NOTHING[first['type']]}"
    if place == "timestamp":
        wanted = f"must be a number of epoch seconds{_unit(first['input'])}"
    elif place.endswith(".content"):
        wanted = "must be text, a list of parts, or null"
    else:
        wanted = _WANTED.get(first["type"]) or f"is refused ({first['msg']})"
        wanted = wanted.format_map(first.get("ctx", {}))
    return f"{place or 'the line'} {wanted}, not {_found(first['input'])}"


def _unit(timestamp: object) -> str:
    """What a refused timestamp seems to be."""
    if isinstance(timestamp, str):
        return " (this is text)"
    if isinstance(timestamp, int | float):
        for unit, factor in (("milli", 1e3), ("micro", 1e6), ("nano", 1e9)):
            if OLDEST <= timestamp / factor < NEWEST:
                return f" (these look like {unit}seconds)"
    return " between the years 2000 and 2100"


def _found(value: object) -> str:
    match value:
        case dict():
            return "an object"
        case list():
            return "a list"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= FOUND_CHARACTERS else f"{text[:FOUND_CHARACTERS]}…"
