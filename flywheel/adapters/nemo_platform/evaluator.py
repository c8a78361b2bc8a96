"""An evaluation by NeMo Platform's Evaluator: what it is asked, and its rows as ours."""

from collections.abc import Mapping
from itertools import cycle
from typing import Any

from flywheel.adapters.nemo_platform.asking import ask, prediction
from flywheel.adapters.nemo_platform.client import NemoPlatformClient
from flywheel.adapters.nemo_platform.wire import RowScore
from flywheel.errors import NotFoundError
from flywheel.ports.platform import PredictionRow

_TIMED = 50  # rows asked once more, one after the other: the Evaluator does not time its requests
_LONGEST_ANSWER = 1024  # tokens

# The server compares this with what the metric declares, word for word.
_F1_OUTPUT = {
    "name": "f1",
    "value_json_schema": {
        "description": "Continuous numeric metric value.",
        "title": "ContinuousScore",
        "type": "number",
    },
}
_F1 = {
    "type": "f1",
    "reference": "{{ item.response.choices[0].message.content }}",
    "candidate": "{{ sample.output_text }}",
}


def spec(dataset: str, endpoint: str, model: str, parallel: int) -> dict[str, Any]:
    """Ask `model` at `endpoint` every request of `dataset`; compare the words of the answers."""
    return {
        "dataset": dataset,
        "target": {"url": endpoint, "name": model, "format": "openai"},
        "prompt_template": {"messages": "{{ item.request.messages | tojson }}"},
        "params": {
            "parallelism": parallel,
            "inference": {"temperature": 0, "max_tokens": _LONGEST_ANSWER},
        },
        "metrics": [
            {
                "metric_type": "f1",
                "outputs": [_F1_OUTPUT],
                "payload": {"kind": "inline", "metric": _F1},
            }
        ],
    }


async def predictions(
    client: NemoPlatformClient,
    name: str,
    model: str,
    requests: Mapping[int, Mapping[str, Any]],
    parallel: int,
) -> list[PredictionRow]:
    """The answers of a completed evaluation to all `requests`, by row.

    Rows that it does not have are asked through the gateway. The first rows are asked there as
    well, to time them; the others take those times in turn, which keeps their distribution.
    """
    rows = await _rows(client, name)
    missing = {row: request for row, request in requests.items() if row not in rows}
    asked = await ask(client, model, missing, parallel)
    first = {row: requests[row] for row in sorted(rows)[:_TIMED]}
    seconds = cycle([row.seconds for row in await ask(client, model, first, parallel=1)])
    answered = [
        prediction(index, row.sample.response, next(seconds))
        for index, row in sorted(rows.items())
        if row.sample.response is not None
    ]
    return sorted([*answered, *asked], key=lambda row: row.row)


async def _rows(client: NemoPlatformClient, name: str) -> dict[int, RowScore]:
    """Those with an answer; none where the result is not there."""
    try:
        rows = await client.row_scores(name)
    except NotFoundError:
        return {}
    return {row.row_index: row for row in rows if row.sample.response is not None}
