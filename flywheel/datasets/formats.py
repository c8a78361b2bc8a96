"""The lines of dataset files, as NeMo Customizer and NeMo Evaluator take them. Pure."""

from typing import Any

import orjson

from flywheel.records import record_id

# What an answer is made of; providers add notes to it that no model should learn.
_ANSWER_KEYS = ("role", "content", "tool_calls")


def training_line(body: bytes, parse_arguments: bool) -> bytes:
    """Customizer's chat format: the messages asked, then the teacher's answer; tools if any."""
    record = orjson.loads(body)
    request = record["request"]
    message = record["response"]["choices"][0]["message"]
    answer = {key: message[key] for key in _ANSWER_KEYS if key in message}
    messages = [*request["messages"], answer]
    if parse_arguments:
        for message in messages:
            _parse(message)
    line = {"messages": messages}
    if request.get("tools"):
        line["tools"] = request["tools"]
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def evaluation_line(body: bytes, label: str, parse_arguments: bool) -> bytes:
    """Evaluator's templates read `item.request` and `item.response`; id and label are for us."""
    record = orjson.loads(body)
    identity = record_id(record)  # of the record as it was logged
    if parse_arguments:
        _parse(record["response"]["choices"][0]["message"])
    line = {
        "id": identity,
        "label": label,
        "request": record["request"],
        "response": record["response"],
    }
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _parse(message: dict[str, Any]) -> None:
    """Arguments that are JSON text become the object itself.

    Those of the answer were checked before; an earlier answer in the request that is no JSON
    stays as it was asked.
    """
    for call in message.get("tool_calls") or ():
        function = call["function"]
        if isinstance(function.get("arguments"), str):
            try:
                function["arguments"] = orjson.loads(function["arguments"])
            except orjson.JSONDecodeError:
                continue
