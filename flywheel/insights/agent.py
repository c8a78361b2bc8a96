"""A language model words the answer: it looks up with tools, and code checks what it says."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from flywheel.errors import FlywheelError
from flywheel.insights.history import Turn
from flywheel.insights.tools import TOOLS, Tool, Toolbox
from flywheel.insights.wording.answer import worded
from flywheel.insights.wording.checker import problems
from flywheel.ports.language_model import LanguageModel, ToolSpec
from flywheel.views import Answer

_MOST_PROBLEMS = 12

Progress = Callable[[str], Awaitable[None]]


class RejectedError(FlywheelError):
    """What the model says may not be shown, and it has not repaired it."""


@dataclass
class Usage:
    """What an answer has taken, also one that was rejected."""

    input_tokens: int = 0
    output_tokens: int = 0
    repairs: int = 0


async def answer(
    model: LanguageModel,
    system: str,
    box: Toolbox,
    usage: Usage,
    history: Sequence[Turn] = (),
    progress: Progress | None = None,
) -> Answer:
    """The model's answer to the toolbox' question, checked; `usage` is filled in as it goes.

    It is asked once for a repair. Raises RejectedError where that does not help, UnavailableError
    where the model does not answer.
    """
    tools = [
        ToolSpec(one.name, one.description, one.arguments, partial(_use, box, one, progress))
        for one in TOOLS
    ]
    conversation = model.conversation(system, tools)
    said = _asked(box, history)
    found: list[str] = []
    for attempt in range(2):
        usage.repairs = attempt
        reply = await conversation.say(said)
        usage.input_tokens += reply.input_tokens
        usage.output_tokens += reply.output_tokens
        found = problems(reply.text, box.material())
        if not found:
            return worded(reply.text, box)
        said = _repair(found)
    raise RejectedError("What the language model said was refused.", " ".join(found[:3]))


async def _use(
    box: Toolbox, tool: Tool, progress: Progress | None, arguments: dict[str, Any]
) -> str:
    if progress is not None and tool.doing:
        await progress(tool.doing)
    return await box.use(tool, arguments)


def _asked(box: Toolbox, history: Sequence[Turn]) -> str:
    """As JSON, so that nothing in it can pass for the end of it."""
    asked = {
        "question": box.question,
        "focus": box.focus,
        "conversation": [turn.model_dump(include={"question", "answer"}) for turn in history],
    }
    return json.dumps(asked, ensure_ascii=False)


def _repair(found: Sequence[str]) -> str:
    listed = "\n".join(f"- {problem}" for problem in found[:_MOST_PROBLEMS])
    return f"That answer cannot be shown:\n{listed}\nWrite the whole answer again without these."
