"""The answers in what Evaluator lets us download, told apart by what is in them. Pure.

The archive's layout is nowhere promised: every file of JSON in it that has rows with a sample
counts, wherever it lies.
"""

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from flywheel.evaluation.prompts import estimate_tokens, request_tokens
from flywheel.ports.platform import PredictionRow
from flywheel.records import content_text

_LARGEST = 2_000_000_000  # bytes of a file once it is unpacked
_INDEX = ("row_index", "index", "row")
_SECONDS = ("latency", "seconds", "elapsed", "response_time")


def rows_of(
    archive: bytes, items: Sequence[Mapping[str, Any]], seconds: float
) -> dict[int, PredictionRow]:
    """The answers by evaluation row; `items` are the evaluation set's lines.

    A row is told by the id of its item, else by its index, else by its place where all are there.
    `seconds` is what an answer took on average, for rows that do not say. Nothing where the
    archive has no rows, or is none.
    """
    try:
        found = list(_samples(archive))
    except (zipfile.BadZipFile, OSError):
        return {}
    by_id = {item.get("id"): number for number, item in enumerate(items)}
    answers: dict[int, PredictionRow] = {}
    for place, row in enumerate(found):
        number = _number(row, by_id, len(items), place if len(found) == len(items) else None)
        if number is not None and number not in answers:
            answer = _answer(number, row, items[number], seconds)
            if answer is not None:
                answers[number] = answer
    return answers


def _samples(archive: bytes) -> Iterator[dict[str, Any]]:
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        for info in file.infolist():
            if info.filename.endswith((".json", ".jsonl")) and info.file_size < _LARGEST:
                for value in _values(file.read(info)):
                    if isinstance(value, dict) and isinstance(value.get("sample"), dict):
                        yield value


def _values(content: bytes) -> Iterator[Any]:
    """The values of JSON lines, of a list, or of an object that has a list."""
    try:
        whole = orjson.loads(content)
    except orjson.JSONDecodeError:
        for line in content.splitlines():
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError:
                return
        return
    if isinstance(whole, dict):
        yield whole
        for value in whole.values():
            if isinstance(value, list):
                yield from value
    elif isinstance(whole, list):
        yield from whole


def _number(
    row: Mapping[str, Any], by_id: Mapping[Any, int], rows: int, place: int | None
) -> int | None:
    item = row.get("item")
    if isinstance(item, dict) and item.get("id") in by_id:
        return by_id[item["id"]]
    for key in _INDEX:
        if isinstance(row.get(key), int) and 0 <= row[key] < rows:
            return int(row[key])
    return place


def _answer(
    number: int, row: Mapping[str, Any], item: Mapping[str, Any], seconds: float
) -> PredictionRow | None:
    sample = row["sample"]
    response = sample.get("response")
    took = next((row[key] for key in _SECONDS if isinstance(row.get(key), int | float)), seconds)
    if isinstance(response, dict) and response.get("choices"):
        return prediction(number, response, item["request"], float(took))
    if isinstance(sample.get("output_text"), str):
        message = {"content": sample["output_text"]}
        return prediction(number, {"choices": [{"message": message}]}, item["request"], float(took))
    return None


def prediction(
    number: int, response: Mapping[str, Any], request: Mapping[str, Any], seconds: float
) -> PredictionRow:
    """A ChatCompletion as the answer to a row; tokens are estimated where nobody counted them."""
    message = response["choices"][0].get("message") or {}
    usage = response.get("usage") or {}
    text = content_text(message.get("content"))
    asked, said = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return PredictionRow(
        row=number,
        answer=text,
        tool_calls=message.get("tool_calls") or None,
        seconds=seconds,
        input_tokens=request_tokens(request["messages"], request.get("tools"))
        if asked is None
        else asked,
        output_tokens=estimate_tokens(text) if said is None else said,
    )
