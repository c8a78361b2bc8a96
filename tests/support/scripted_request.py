"""What a strict server of OpenAI's chat completions takes; anything else is refused."""

from typing import Annotated, Any, Literal, Self

from jsonschema import Draft202012Validator, SchemaError
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class TextPart(Strict):
    type: Literal["text"]
    text: str


Content = str | list[TextPart]


def text_of(content: Content | None) -> str:
    """The text of a message."""
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(part.text for part in content)


class System(Strict):
    role: Literal["system", "developer"]
    content: Content
    name: str | None = None


class User(Strict):
    role: Literal["user"]
    content: Content
    name: str | None = None


class Function(Strict):
    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    arguments: str  # as the model wrote it, which may be no JSON


class ToolCall(Strict):
    id: str = Field(min_length=1)
    type: Literal["function"]
    function: Function


class Assistant(Strict):
    role: Literal["assistant"]
    content: Content | None = None
    tool_calls: list[ToolCall] | None = Field(None, min_length=1)
    name: str | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.content is None and self.tool_calls is None:
            raise ValueError("an assistant message needs content or tool_calls")
        return self


class ToolResult(Strict):
    role: Literal["tool"]
    content: Content
    tool_call_id: str
    name: str | None = None


Message = Annotated[System | User | Assistant | ToolResult, Field(discriminator="role")]


class FunctionSchema(Strict):
    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    description: str = Field("", max_length=1024)
    parameters: dict[str, Any] = Field(default_factory=dict)
    strict: bool | None = None

    @field_validator("parameters")
    @classmethod
    def _schema(cls, schema: dict[str, Any]) -> dict[str, Any]:
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            raise ValueError(f"no JSON Schema: {error.message}") from None
        if schema.get("type", "object") != "object":
            raise ValueError("parameters must be an object")
        return schema


class Tool(Strict):
    type: Literal["function"]
    function: FunctionSchema


class Named(Strict):
    name: str


class ToolChoice(Strict):
    type: Literal["function"]
    function: Named


class StreamOptions(Strict):
    include_usage: bool


class ChatRequest(Strict):
    """The body of POST /v1/chat/completions."""

    model: str
    messages: list[Message] = Field(min_length=1)
    tools: list[Tool] | None = Field(None, min_length=1, max_length=128)
    tool_choice: Literal["none", "auto", "required"] | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    stream: bool = False
    stream_options: StreamOptions | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.tool_choice is not None and self.tools is None:
            raise ValueError("tool_choice is only allowed with tools")
        if self.stream_options is not None and not self.stream:
            raise ValueError("stream_options is only allowed with stream")
        if self.max_tokens is not None and self.max_completion_tokens is not None:
            raise ValueError("max_tokens and max_completion_tokens are the same")
        names = [tool.function.name for tool in self.tools or ()]
        if len(names) != len(set(names)):
            raise ValueError("two tools have the same name")
        self._check_order()
        return self

    def _check_order(self) -> None:
        """Every tool call has its result before anybody else speaks, and somebody asks."""
        open_calls: list[str] = []
        for number, message in enumerate(self.messages):
            if isinstance(message, ToolResult):
                if message.tool_call_id not in open_calls:
                    raise ValueError(f"messages[{number}] answers no tool call")
                open_calls.remove(message.tool_call_id)
                continue
            if open_calls:
                raise ValueError(f"tool call {open_calls[0]} has no result")
            if isinstance(message, Assistant):
                open_calls = [call.id for call in message.tool_calls or ()]
        if open_calls or isinstance(self.messages[-1], System | Assistant):
            raise ValueError("nobody asks")

    @property
    def system(self) -> str:
        """What the model is told before everything else."""
        return "\n".join(text_of(m.content) for m in self.messages if isinstance(m, System))

    @property
    def question(self) -> str:
        """The last thing that the user said."""
        return next(text_of(m.content) for m in reversed(self.messages) if isinstance(m, User))

    @property
    def results(self) -> list[str]:
        """What the tools have answered since then, in order."""
        found: list[str] = []
        for message in self.messages:
            if isinstance(message, User):
                found = []
            elif isinstance(message, ToolResult):
                found.append(text_of(message.content))
        return found

    @property
    def tool_names(self) -> list[str]:
        """The tools on offer."""
        return [tool.function.name for tool in self.tools or ()]
