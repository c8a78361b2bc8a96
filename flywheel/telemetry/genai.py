"""Spans of an agent, its models and tools in LangChain, after OpenTelemetry's GenAI conventions.

Importing this imports LangChain's core: only who has an agent does.
"""
# ruff: noqa: ARG002 - the signatures are LangChain's

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from flywheel.telemetry.spans import OpenSpan, Value, captures_content, known, tracer

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

PROVIDER = "openai"  # the API that is spoken, whoever answers


def genai_spans(agent: str = "insights") -> "GenAISpans":
    """A handler for `config={"callbacks": [genai_spans()]}`; one for each answer."""
    return GenAISpans(agent)


class GenAISpans(AsyncCallbackHandler):
    """One span for the agent, one for each call of a model or tool under it.

    LangChain tells of a call in a context of its own, so parents are known by the ids of runs. The
    outermost is a child of the span around the answer, if there is one.
    """

    def __init__(self, agent: str) -> None:
        self._agent = agent
        self._tracer = tracer()
        self._content = captures_content()
        self._open: dict[UUID, OpenSpan] = {}  # of runs; steps between share that of their parent

    async def on_chain_start(
        self,
        serialized: dict[str, Any],
        inputs: dict[str, Any],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **kwargs: Any,
    ) -> None:
        """The agent itself, or one of its steps."""
        if parent_run_id is not None:
            if parent_run_id in self._open:
                self._open[run_id] = self._open[parent_run_id]
            return
        self._start(
            f"invoke_agent {self._agent}",
            run_id,
            None,
            {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": self._agent},
        )

    async def on_chain_end(
        self, outputs: dict[str, Any], *, run_id: UUID, parent_run_id: UUID | None = None, **_: Any
    ) -> None:
        """The same is over."""
        self._leave(run_id, parent_run_id)

    async def on_chain_error(
        self, error: BaseException, *, run_id: UUID, parent_run_id: UUID | None = None, **_: Any
    ) -> None:
        """The same has failed."""
        self._leave(run_id, parent_run_id, error)

    async def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """A model is asked."""
        told = metadata or {}
        model = told.get("ls_model_name")
        self._start(
            f"chat {model}" if model else "chat",
            run_id,
            parent_run_id,
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.request.model": model,
                "gen_ai.request.temperature": told.get("ls_temperature"),
                "gen_ai.request.max_tokens": told.get("ls_max_tokens"),
                "gen_ai.input.messages": self._said(messages[0]),
            },
            client=True,
        )

    async def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        """It has answered."""
        generation = response.generations[0][0]
        if not isinstance(generation, ChatGeneration):
            self._end(run_id)
            return
        message = generation.message
        told = message.response_metadata
        usage = message.usage_metadata if isinstance(message, AIMessage) else None
        finish = told.get("finish_reason")
        self._end(
            run_id,
            {
                "gen_ai.response.id": told.get("id"),
                "gen_ai.response.model": told.get("model_name"),
                "gen_ai.response.finish_reasons": [finish] if finish else None,
                "gen_ai.usage.input_tokens": usage["input_tokens"] if usage else None,
                "gen_ai.usage.output_tokens": usage["output_tokens"] if usage else None,
                "gen_ai.output.messages": self._said([message]),
            },
        )

    async def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """It has not."""
        self._end(run_id, error=error)

    async def on_tool_start(
        self,
        serialized: dict[str, Any],
        input_str: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **kwargs: Any,
    ) -> None:
        """A tool is called."""
        name = serialized.get("name")
        self._start(
            f"execute_tool {name}",
            run_id,
            parent_run_id,
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": name,
                "gen_ai.tool.type": "function",
                "gen_ai.tool.call.id": kwargs.get("tool_call_id"),
                "gen_ai.tool.call.arguments": input_str if self._content else None,
            },
        )

    async def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """It has a result, which may say that it has failed."""
        message = output if isinstance(output, ToolMessage) else None
        self._end(
            run_id,
            {
                "error.type": "tool_error" if message and message.status == "error" else None,
                "gen_ai.tool.call.result": _text(output) if self._content else None,
            },
        )

    async def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """It has failed."""
        self._end(run_id, error=error)

    def _start(
        self,
        name: str,
        run_id: UUID,
        parent_run_id: UUID | None,
        attributes: Mapping[str, Value | None],
        *,
        client: bool = False,
    ) -> None:
        if self._tracer is None:
            return
        self._open[run_id] = OpenSpan(
            _started(
                self._tracer,
                name,
                self._open.get(parent_run_id) if parent_run_id else None,
                client,
                known({"gen_ai.provider.name": PROVIDER, **attributes}),
            )
        )

    def _leave(
        self, run_id: UUID, parent_run_id: UUID | None, error: BaseException | None = None
    ) -> None:
        """A chain is over; with the outermost everything is that was given up inside it."""
        if parent_run_id is not None:
            self._open.pop(run_id, None)
            return
        agent = self._open.get(run_id)
        for inner in [one for one, opened in self._open.items() if opened is not agent]:
            self._end(inner, error=error)
        self._end(run_id, error=error)
        self._open.clear()

    def _end(
        self,
        run_id: UUID,
        attributes: Mapping[str, Value | None] | None = None,
        error: BaseException | None = None,
    ) -> None:
        opened = self._open.pop(run_id, None)
        if opened is None or opened.span is None:
            return
        opened.set(**attributes or {})
        if error is not None:
            opened.fail(error)
        opened.span.end()

    def _said(self, messages: Sequence[BaseMessage]) -> str | None:
        if not self._content:
            return None
        said = [{"role": one.type, "content": one.text, **_calls(one)} for one in messages]
        return json.dumps(said, ensure_ascii=False)


def _started(
    made_by: "Tracer",
    name: str,
    parent: OpenSpan | None,
    client: bool,
    attributes: dict[str, Value],
) -> Any:
    from opentelemetry.trace import SpanKind, set_span_in_context

    around = None if parent is None or parent.span is None else set_span_in_context(parent.span)
    kind = SpanKind.CLIENT if client else SpanKind.INTERNAL
    return made_by.start_span(name, context=around, kind=kind, attributes=attributes)


def _calls(message: BaseMessage) -> dict[str, Any]:
    calls = message.tool_calls if isinstance(message, AIMessage) else []
    return (
        {"tool_calls": [{"name": c["name"], "arguments": c["args"]} for c in calls]}
        if calls
        else {}
    )


def _text(output: Any) -> str:
    return output.text if isinstance(output, BaseMessage) else str(output)
