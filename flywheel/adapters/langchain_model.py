"""Language models through LangChain: its agent calls the tools. Slow to import."""

import logging
from collections.abc import Sequence
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.errors import GraphRecursionError

from flywheel.errors import UnavailableError
from flywheel.ports.language import Conversation, Said, ToolSpec

log = logging.getLogger(__name__)

MOST_STEPS = 25  # of model and tools in turn: who calls tools again and again is stopped


class LangChainModel:
    """Any chat model of LangChain that calls tools; `callbacks` watch what it does."""

    def __init__(self, name: str, model: BaseChatModel, callbacks: Sequence[Any] = ()) -> None:
        self._name, self._model, self._callbacks = name, model, list(callbacks)

    @property
    def name(self) -> str:
        """As its endpoint names it."""
        return self._name

    def conversation(self, system: str, tools: Sequence[ToolSpec] = ()) -> Conversation:
        """A new one."""
        return _Conversation(self._model, system, tools, self._callbacks)


class _Conversation:
    def __init__(
        self,
        model: BaseChatModel,
        system: str,
        tools: Sequence[ToolSpec],
        callbacks: list[Any],
    ) -> None:
        self._graph: Any = create_agent(model, [_tool(one) for one in tools], system_prompt=system)
        self._config = {"recursion_limit": MOST_STEPS, "callbacks": callbacks}
        self._messages: list[AnyMessage] = []

    async def say(self, text: str) -> Said:
        asked = [*self._messages, HumanMessage(text)]
        try:
            state = await self._graph.ainvoke({"messages": asked}, config=self._config)
        except GraphRecursionError as error:
            raise UnavailableError(
                "The language model looks things up without an end.", "Ask in other words."
            ) from error
        except Exception as error:  # whatever LangChain, the client and the endpoint raise
            log.info("the language model failed", exc_info=True)
            raise UnavailableError(
                f"The language model does not answer ({type(error).__name__}).",
                "`flywheel doctor` says whether its endpoint does.",
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
        # A schema, not the class: wrong arguments then reach the toolbox, which says what is wrong.
        args_schema=spec.arguments.model_json_schema(),
        coroutine=call,
    )
