"""What answers behind the NIM proxy: a small student, or the nearest example of the prompt."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from flywheel.adapters.local_platform import students
from flywheel.adapters.local_platform.texts import request_text

STUDENT = "hashing-sgd"

Message = dict[str, Any]


class ServedModel:
    """A student that was trained on conversations; its classes are whole answers."""

    def __init__(
        self, lines: Sequence[dict[str, Any]], report: Callable[[float, str], None]
    ) -> None:
        if any(line["messages"][-1]["role"] != "assistant" for line in lines):
            raise ValueError("the last message has to be the assistant's")
        texts = [request_text(line["messages"][:-1]) for line in lines]
        answers = [answer_key(line["messages"][-1]) for line in lines]
        self.model = students.train(STUDENT, texts, answers, 1, report).model

    def answer(self, messages: Sequence[Message]) -> Message:
        """Its answer to the last question."""
        return from_key(str(self.model.predict([request_text(list(messages))])[0]))


def answer_key(message: Message) -> str:
    """An answer as text, so that a student can learn it."""
    calls = [
        {"name": call["function"]["name"], "arguments": _read(call["function"]["arguments"])}
        for call in message.get("tool_calls") or ()
    ]
    return json.dumps({"content": message.get("content"), "calls": calls}, sort_keys=True)


def from_key(key: str) -> Message:
    """The answer that the text stands for, in OpenAI's form."""
    found = json.loads(key)
    message: Message = {"role": "assistant", "content": found["content"]}
    if found["calls"]:
        message["tool_calls"] = [
            {
                "id": f"call-{number}",
                "type": "function",
                "function": {"name": call["name"], "arguments": json.dumps(call["arguments"])},
            }
            for number, call in enumerate(found["calls"])
        ]
    return message


def base_answer(messages: Sequence[Message], seen: Counter[str]) -> Message:
    """What a model says that was not trained: as the nearest example, else what is frequent."""
    shown = [
        (request_text([before]), answer_key(after))
        for before, after in pairwise(messages)
        if before["role"] == "user" and after["role"] == "assistant"
    ]
    if shown:
        words = set(request_text(list(messages)).split())
        return from_key(max(shown, key=lambda pair: len(words & set(pair[0].split())))[1])
    if seen:
        return from_key(min(seen, key=lambda key: (-seen[key], key)))
    return {"role": "assistant", "content": "I cannot say."}


def _read(arguments: Any) -> Any:
    return json.loads(arguments) if isinstance(arguments, str) else arguments
