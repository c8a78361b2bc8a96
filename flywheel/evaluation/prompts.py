"""Prompts with examples: a training record as turns of a conversation, and how long it is. Pure.

A few worked examples before the question let a model do a task that it was not trained for
(Brown et al., "Language Models are Few-Shot Learners", NeurIPS 2020).
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from flywheel.datasets.labels import Labels
from flywheel.datasets.normalise import strip_links
from flywheel.records import content_text

Message = dict[str, Any]

_OPERATOR = ("system", "developer")
_SEPARATOR = "+"

# What chat templates add, in tokens, rather too much: the marks around a message, a preamble
# about the date or the assistant, the instructions for calling tools, a picture.
PER_MESSAGE, PER_REQUEST, PER_TOOLS, PER_MEDIUM = 8, 64, 200, 1500

# Pieces of at most a token: three letters, one digit, one mark, one break. A single space goes
# with the word after it.
_PIECE = re.compile(r"[A-Za-z]{1,3}|[^A-Za-z\s]|\s{2,}|[^\S ]")


class Example(NamedTuple):
    """A training record as it stands in a prompt."""

    text: str  # of its question; likeness is measured on it
    group: str  # its label, or the tools that it calls; "" where answers have no class
    called: frozenset[str]  # tools that its answer calls
    turns: list[Message]  # from the user's to the assistant's
    tokens: int  # of all turns, as estimated


def request_text(messages: object) -> str:
    """The text of the last user message, links left out: they name no class, they identify.

    Of a message in parts, the text parts. "" where there is none.
    """
    if not isinstance(messages, list):
        return ""
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role") == "user":
            return strip_links(content_text(message.get("content"))).strip()
    return ""


def read_example(messages: Sequence[Message], labels: Labels) -> Example | None:
    """The example that a training record makes; its last message is the answer.

    What the operator said is left out: the question's own instructions hold. None where nobody
    asks, or nothing is answered. Raises KeyError, TypeError for what is no record.
    """
    turns = [wire_message(message) for message in messages if message["role"] not in _OPERATOR]
    while turns and turns[0]["role"] != "user":
        turns = turns[1:]
    if len(turns) < 2 or turns[-1]["role"] != "assistant":
        return None
    answer = turns[-1]
    called = [call["function"]["name"] for call in answer.get("tool_calls") or ()]
    if called:
        group = _SEPARATOR.join(sorted(called))
        turns += _concluded(answer)
    else:
        group = labels.extract(content_text(answer.get("content"))) or ""
    turns = _numbered(turns, 0)
    tokens = sum(message_tokens(turn) for turn in turns)
    return Example(request_text(turns), group, frozenset(called), turns, tokens)


def with_examples(messages: Sequence[Message], examples: Sequence[Example]) -> list[Message]:
    """The conversation with the examples after its instructions and before the rest of it."""
    asked = [wire_message(message) for message in messages]
    start = 0
    while start < len(asked) and asked[start].get("role") in _OPERATOR:
        start += 1
    turns = [turn for i, one in enumerate(examples) for turn in _numbered(one.turns, i)]
    return [*asked[:start], *turns, *asked[start:]]


def wire_message(message: Mapping[str, Any]) -> Message:
    """A message as the API takes it: the arguments of tool calls are JSON text."""
    made = dict(message)
    if calls := made.get("tool_calls"):
        made["tool_calls"] = [
            {"type": "function", **call, "function": _wire_function(call["function"])}
            for call in calls
        ]
    elif "tool_calls" in made:
        del made["tool_calls"]  # servers refuse an empty list, and null
    return made


def _wire_function(function: Mapping[str, Any]) -> dict[str, Any]:
    arguments = function.get("arguments", {})
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return {**function, "arguments": text}


def _concluded(answer: Message) -> list[Message]:
    """What has to follow tool calls before somebody may ask again.

    The API wants a result for each call; the templates of some models (Mistral's) then want the
    assistant to speak.
    """
    results = [
        {"role": "tool", "tool_call_id": call.get("id"), "content": "OK"}
        for call in answer["tool_calls"]
    ]
    return [*results, {"role": "assistant", "content": "OK"}]


def _numbered(turns: Sequence[Message], number: int) -> list[Message]:
    """The turns with ids of tool calls that no other example has.

    Nine letters and digits, the one form that every server takes. A result belongs to the call
    that its id names, else to the first that has none yet.
    """
    made: list[Message] = []
    waiting: list[tuple[object, str]] = []
    calls = 0
    for turn in turns:
        if turn.get("tool_calls"):
            waiting = []
            renamed = []
            for call in turn["tool_calls"]:
                waiting.append((call.get("id"), f"ex{number:03d}{calls:04d}"))
                renamed.append({**call, "id": waiting[-1][1]})
                calls += 1
            made.append({**turn, "tool_calls": renamed})
        elif turn["role"] == "tool" and waiting:
            named = [pair for pair in waiting if pair[0] == turn.get("tool_call_id")]
            pair = (named or waiting)[0]
            waiting.remove(pair)
            made.append({**turn, "tool_call_id": pair[1]})
        else:
            made.append(turn)
    return made


def tools_on_offer(tools: object) -> frozenset[str]:
    """The names of the functions that a request offers."""
    if not isinstance(tools, list):
        return frozenset()
    functions = (tool.get("function") for tool in tools if isinstance(tool, dict))
    return frozenset(str(f.get("name")) for f in functions if isinstance(f, dict))


def request_tokens(messages: Sequence[Mapping[str, Any]], tools: object = None) -> int:
    """Tokens of a request, estimated like those of a text; tools count as indented JSON."""
    total = PER_REQUEST + sum(message_tokens(message) for message in messages)
    if tools:
        total += PER_TOOLS + estimate_tokens(json.dumps(tools, indent=2, ensure_ascii=False))
    return total


def message_tokens(message: Mapping[str, Any]) -> int:
    """Tokens of a message with all that it holds."""
    content = message.get("content")
    media = 0
    if isinstance(content, list):
        media = sum(not isinstance(p, dict) or p.get("type") != "text" for p in content)
    more = {key: v for key, v in message.items() if key not in {"role", "content"} and v}
    extra = estimate_tokens(json.dumps(more, ensure_ascii=False)) if more else 0
    text = estimate_tokens(content_text(content))
    return PER_MESSAGE + text + extra + PER_MEDIUM * media


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has, and rather too many: the model's tokenizer is not here.

    A token to three letters, to each digit and to each mark, and to each byte of what is not
    ASCII, of which byte-level tokenizers make at most one (Sennrich et al., ACL 2016, for the
    merging of pieces; Radford et al., 2019, for bytes). English has about four letters a token.
    """
    beyond = 0 if text.isascii() else len(text.encode("utf-8", "replace")) - len(text)
    return len(_PIECE.findall(text)) + beyond
