"""One logged request/response pair, as production writes it."""

import re
from hashlib import blake2b
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

OLDEST, NEWEST = 946_684_800, 4_102_444_800  # the years 2000 and 2100, epoch seconds
FOUND_CHARACTERS = 40
_POSITION = re.compile(r"\.\d+(?=\.|\s|$)")


class RecordError(ValueError):
    """A line that is no record; the text is one sentence that says why."""


class _Open(BaseModel):
    """Unknown keys are kept: providers add some all the time."""

    model_config = ConfigDict(extra="allow")


class FunctionCall(_Open):
    """What a tool is called with; `arguments` is JSON text, or the object itself."""

    name: str
    arguments: str | dict[str, Any] = "{}"


class ToolCall(_Open):
    """One tool call of an answer."""

    function: FunctionCall


class Message(_Open):
    """One message; `content` is text, a list of parts, or null beside tool calls."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[dict[str, Any]] | None = None
    tool_calls: list[ToolCall] | None = None

    @property
    def text(self) -> str:
        """The text of the content; parts are joined by a line break."""
        return content_text(self.content)


class ChatRequest(_Open):
    """An OpenAI chat-completions request."""

    model: str = ""
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

    model: str = ""
    choices: list[Choice] = Field(min_length=1)
    usage: Usage | None = None


def _epoch_seconds(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number: epoch seconds")  # noqa: TRY004 - pydantic wants it
    if not OLDEST <= value < NEWEST:
        unit = " (these look like milliseconds)" if OLDEST <= value / 1000 < NEWEST else ""
        raise ValueError(f"must be epoch seconds between the years 2000 and 2100{unit}")
    return value


class Record(_Open):
    """A record of the log."""

    timestamp: Annotated[float, BeforeValidator(_epoch_seconds)]
    workload_id: str = Field(min_length=1)
    client_id: str = Field(min_length=1)
    request: ChatRequest
    response: ChatResponse
    latency_seconds: float | None = Field(None, ge=0, description="How long the teacher took")

    @property
    def answer(self) -> Message:
        """The teacher's answer: the message of the first choice."""
        return self.response.choices[0].message


_RECORD = TypeAdapter(Record)


def parse_record(body: bytes) -> Record:
    """Read a record from its JSON. Raises RecordError."""
    try:
        return _RECORD.validate_json(body)
    except ValidationError as error:
        raise RecordError(_sentence(error)) from None


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
    place = ".".join(str(part) for part in first["loc"] if part not in {"str", "dict[str,any]"})
    match first["type"]:
        case "json_invalid":
            return f"it is not valid JSON: {first['msg'].removeprefix('Invalid JSON: ')}"
        case "missing":
            return f"{place} is missing"
        case "value_error":
            return f"{place} {first['ctx']['error']}, not {_found(first['input'])}"
    said = first["msg"].removeprefix("Input ").replace("Input should", "should")
    if not place:
        return f"the line {said}, not {_found(first['input'])}"
    return f"{place} {said}, not {_found(first['input'])}"


def _found(value: object) -> str:
    text = repr(value)
    return text if len(text) <= FOUND_CHARACTERS else f"{text[:FOUND_CHARACTERS]}…"
