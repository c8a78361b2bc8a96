"""A language model words the answer: it looks up with tools, and code checks what it says."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from flywheel.errors import FlywheelError
from flywheel.insights.tools import TOOLS, Tool, Toolbox
from flywheel.insights.wording.answer import worded
from flywheel.insights.wording.checker import problems
from flywheel.views import Answer

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage
    from langchain_core.tools import BaseTool

MOST_STEPS = 24  # of the graph: a model that calls tools again and again is stopped
_ACTIONS = frozenset({"ask_back", "no_answer"})

Progress = Callable[[str], Awaitable[None]]


class Turn(BaseModel):
    """What was said before in the same conversation."""

    question: str
    answer: str


class RejectedError(FlywheelError):
    """What the model says may not be shown, and it has not repaired it."""


@dataclass
class Usage:
    """What an answer has cost, and how often the model had to repair it."""

    input_tokens: int = 0
    output_tokens: int = 0
    repairs: int = 0


@dataclass
class Agent:
    """Answers with a chat model of LangChain (any that calls tools)."""

    model: "BaseChatModel"
    system_prompt: str
    callbacks: Sequence[Any] = field(default_factory=list)

    async def answer(
        self, box: Toolbox, history: Sequence[Turn] = (), progress: Progress | None = None
    ) -> tuple[Answer, Usage]:
        """The answer to the toolbox' question, checked.

        Asks once for a repair. Raises RejectedError where that does not help; whatever the model
        and its endpoint raise goes through.
        """
        from langchain.agents import create_agent
        from langchain_core.messages import HumanMessage

        tools = [_tool(one, box, progress) for one in TOOLS]
        graph: Any = create_agent(self.model, tools, system_prompt=self.system_prompt)
        config = {"recursion_limit": MOST_STEPS, "callbacks": list(self.callbacks)}
        messages: list[BaseMessage] = [HumanMessage(_asked(box, history))]
        usage = Usage()
        found: list[str] = []
        for attempt in range(2):
            usage.repairs = attempt
            before = len(messages)
            state = await graph.ainvoke({"messages": messages}, config=config)
            messages = list(state["messages"])
            _count(usage, messages[before:])
            text = _text(messages[-1])
            found = problems(text, box.material())
            if not found:
                return worded(text, box), usage
            messages.append(HumanMessage(_repair(found)))
        raise RejectedError("The answer of the language model was refused.", " ".join(found[:3]))


def _asked(box: Toolbox, history: Sequence[Turn]) -> str:
    """As JSON, so that nothing in it can pass for the end of it."""
    asked = {
        "question": box.question,
        "focus": box.focus,
        "conversation": [turn.model_dump() for turn in history],
    }
    return json.dumps(asked, ensure_ascii=False)


def _repair(found: Sequence[str]) -> str:
    listed = "\n".join(f"- {problem}" for problem in found[:12])
    return f"That answer cannot be shown:\n{listed}\nWrite the whole answer again without these."


def _tool(one: Tool, box: Toolbox, progress: Progress | None) -> "BaseTool":
    from langchain_core.tools import StructuredTool

    async def call(**arguments: Any) -> str:
        if progress is not None and one.name not in _ACTIONS:
            await progress(one.doing)
        return await box.use(one, arguments)

    return StructuredTool(
        name=one.name,
        description=one.description,
        args_schema=one.arguments,
        coroutine=call,
        handle_validation_error=_wrong_arguments,
    )


def _wrong_arguments(error: Any) -> str:
    return json.dumps({"error": f"Wrong arguments: {str(error)[:300]}"})


def _text(message: "BaseMessage") -> str:
    return str(message.text).strip()


def _count(usage: Usage, messages: Sequence["BaseMessage"]) -> None:
    for message in messages:
        counted = getattr(message, "usage_metadata", None)
        if counted:
            usage.input_tokens += counted["input_tokens"]
            usage.output_tokens += counted["output_tokens"]
