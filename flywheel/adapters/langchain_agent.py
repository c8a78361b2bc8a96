"""A conversation with LangChain's agent, which calls the tools. Slow to import."""

import logging
from collections.abc import Sequence
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.errors import GraphRecursionError

from flywheel.ports.language_model import LanguageModelError, Said, ToolSpec
from flywheel.telemetry.genai import genai_spans
from flywheel.telemetry.spans import captures_content, tracer

log = logging.getLogger(__name__)

MOST_STEPS = 25  # of model and tools in turn: who calls tools again and again is stopped


class LangChainConversation:
    """With any chat model of LangChain that calls tools."""

    def __init__(self, model: BaseChatModel, system: str, tools: Sequence[ToolSpec]) -> None:
        self._graph: Any = create_agent(model, [_tool(one) for one in tools], system_prompt=system)
        self._messages: list[AnyMessage] = []

    async def say(self, text: str) -> Said:
        """Say something and let the model call its tools. Raises LanguageModelError."""
        asked = [*self._messages, HumanMessage(text)]
        watching = [] if tracer() is None else [genai_spans()]
        config = {"recursion_limit": MOST_STEPS, "callbacks": watching}
        try:
            state = await self._graph.ainvoke({"messages": asked}, config=config)
        except LanguageModelError:
            raise
        except GraphRecursionError as error:
            raise LanguageModelError(
                "endless", "The language model looks things up without an end."
            ) from error
        except Exception as error:  # what the graph makes of an answer that it does not expect
            # What it says may quote content.
            log.info("the language model failed", exc_info=captures_content())
            raise LanguageModelError(
                "broken", f"The language model cannot be understood ({type(error).__name__})."
            ) from error
        self._messages = list(state["messages"])
        new = self._messages[len(asked) :]
        usage = [m.usage_metadata for m in new if isinstance(m, AIMessage) and m.usage_metadata]
        return Said(
            text=str(self._messages[-1].text).strip() if new else "",
            input_tokens=sum(one["input_tokens"] for one in usage),
            output_tokens=sum(one["output_tokens"] for one in usage),
        )


def _tool(spec: ToolSpec) -> BaseTool:
    async def call(**arguments: Any) -> str:
        return await spec.call(arguments)

    return StructuredTool(
        name=spec.name,
        description=spec.description,
        # A schema, not the class: wrong arguments reach the tool, which says what is wrong.
        args_schema=spec.arguments.model_json_schema(),
        coroutine=call,
    )
