"""Evaluator's templates and metrics: `f1`, `tool-calling`, `llm-judge`."""

import json
import re
from statistics import fmean
from typing import Any

import httpx
from jinja2 import Environment, StrictUndefined

from flywheel.evaluation.token_f1 import token_f1
from tests.support.nemo_double.strict import RefusedError

_JINJA = Environment(undefined=StrictUndefined, autoescape=False)
_PARAMS = {
    "f1": {"ground_truth"},
    "tool-calling": {"tool_calls_ground_truth"},
    "llm-judge": {"model", "template", "scores"},
}
_PARSED = {"messages", "tools", "tool_choice", "response_format", "stop"}


def check_metrics(metrics: dict[str, Any]) -> None:
    """Raises RefusedError for a metric that there is not, or that has other parameters."""
    for name, metric in metrics.items():
        wanted = _PARAMS.get(metric["type"])
        if wanted is None or set(metric.get("params", {})) != wanted:
            raise RefusedError(
                422, f"metric {name} of type {metric['type']} is not as it has to be"
            )
        if metric["type"] == "llm-judge":
            for one in metric["params"]["scores"].values():
                re.compile(one["parser"]["pattern"])


def render(template: Any, key: str = "", **names: Any) -> Any:
    """Every text of a template is rendered; what has to be JSON is read as such."""
    if isinstance(template, dict):
        return {one: render(value, one, **names) for one, value in template.items()}
    if isinstance(template, list):
        return [render(value, "", **names) for value in template]
    if not isinstance(template, str):
        return template
    text = _JINJA.from_string(template).render(**names)
    return json.loads(text) if key in _PARSED and text.startswith(("[", "{")) else text


async def score(
    metrics: dict[str, Any],
    items: list[dict[str, Any]],
    samples: list[dict[str, Any]],
    client: httpx.AsyncClient,
) -> dict[str, Any]:
    """What each metric says of all rows."""
    return {
        name: {
            "scores": {
                one: {"value": fmean(values), "stats": {"count": len(values)}}
                for one, values in (await _values(metric, items, samples, client)).items()
                if values
            }
        }
        for name, metric in metrics.items()
    }


async def _values(
    metric: dict[str, Any],
    items: list[dict[str, Any]],
    samples: list[dict[str, Any]],
    client: httpx.AsyncClient,
) -> dict[str, list[float]]:
    params, pairs = metric["params"], list(zip(items, samples, strict=True))
    match metric["type"]:
        case "f1":
            truths = [render(params["ground_truth"], item=item) for item in items]
            texts = [sample["output_text"] for sample in samples]
            return {"f1_score": [token_f1([a], [b]) for a, b in zip(texts, truths, strict=True)]}
        case "tool-calling":
            names, both = [], []
            for item, sample in pairs:
                truth = json.loads(render(params["tool_calls_ground_truth"], item=item))
                wanted, made = _calls(truth), _calls(_message(sample).get("tool_calls"))
                names.append(float([n for n, _ in wanted] == [n for n, _ in made]))
                both.append(float(wanted == made))
            return {"function_name_accuracy": names, "function_name_and_args_accuracy": both}
        case _:
            return await _judge(params, pairs, client)


async def _judge(
    params: dict[str, Any], pairs: list[tuple[Any, Any]], client: httpx.AsyncClient
) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in params["scores"]}
    model, url, headers = params["model"], "/v1/chat/completions", {}
    if isinstance(model, dict):  # somebody else's: asked at exactly this address
        endpoint = model["api_endpoint"]
        model, url = endpoint["model_id"], endpoint["url"]
        headers = {"Authorization": f"Bearer {endpoint.get('api_key', '')}"}
    for item, sample in pairs:
        body = {"model": model, **render(params["template"], item=item, sample=sample)}
        answer = await client.post(url, json=body, headers=headers)
        answer.raise_for_status()
        said = answer.json()["choices"][0]["message"]["content"]
        for name, one in params["scores"].items():
            match = re.search(one["parser"]["pattern"], said)
            if match:
                found[name].append(float(match[1]))
    return found


def _message(sample: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = sample["response"]["choices"][0]["message"]
    return message


def _calls(calls: Any) -> list[tuple[str, Any]]:
    found = []
    for call in calls or ():
        arguments = call["function"]["arguments"]
        if isinstance(arguments, str):
            arguments = json.loads(arguments)
        found.append((call["function"]["name"], json.dumps(arguments, sort_keys=True)))
    return sorted(found)
