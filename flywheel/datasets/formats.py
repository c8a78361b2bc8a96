"""The lines of dataset files, as NeMo Customizer and NeMo Evaluator take them. Pure."""

from typing import Any

import orjson

from flywheel.records import record_id


def training_line(body: bytes, parse_arguments: bool) -> bytes:
    """Customizer's chat format: the messages asked, then the teacher's answer; tools if any."""
    record = orjson.loads(body)
    request = record["request"]
    answer = record["response"]["choices"][0]["message"]
    if parse_arguments:
        _parse(answer)
    line = {"messages": [*request["messages"], answer]}
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
    """Arguments that are JSON text become the object itself."""
    for call in message.get("tool_calls") or ():
        function = call["function"]
        if isinstance(function.get("arguments"), str):
            function["arguments"] = orjson.loads(function["arguments"])
