"""A language model that does as it is told: what it looks up for a question, and what it writes."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from flywheel.insights.exam.paper import ExamQuestion

Json = dict[str, Any]
Planned = tuple[str, Json]  # a tool and its arguments

_OF_DATA = frozenset(
    "records usable train val eval duplicates near_duplicates invalid unlabeled conflicting".split()
)
_OF_STATUS = frozenset("started finished took expected_end steps_done steps".split())


def plan(question: ExamQuestion) -> list[Planned]:
    """The tools that it calls."""
    if question.refuses and not question.says:
        return [("no_answer", {})]
    if question.asks_back:
        choices = [f"{question.text} (news_events)", f"{question.text} (support_routing)"]
        return [("ask_back", {"choices": choices})]
    calls = [call for value in question.values for call in _for(value)]
    for run in question.sources:
        calls += [("results", {"run": run}), ("status", {"run": run})]
    if question.says:
        calls += [("serving", {}), ("status", {}), ("find", {"words": "all"})]
    if question.refuses:
        calls.append(("no_answer", {}))
    unique = {json.dumps(call): call for call in calls}
    return list(unique.values()) or [("no_answer", {})]


def _for(value: str) -> Iterator[Planned]:
    first, _, rest = value.partition("/")
    parts = rest.split("/")
    if first in {"saving", "cost"}:
        run, model, requests, *period = parts
        volume: Json = {"requests": int(requests), "period": period[0] if period else None}
        yield "cost", {"run": run, "model": None if model == "teacher" else model, **volume}
    elif first == "log":
        yield "log", {"workload": parts[0]}
    elif first == "promotion":
        yield "serving", {"workload": parts[0]}
    elif parts[0] == "class":
        yield "classes", {"run": first, "label": rest.removeprefix("class/").rpartition("/")[0]}
    elif len(parts) > 2 and parts[1] in {"class", "taken_for"}:
        label = rest.partition(f"{parts[1]}/")[2].rpartition("/")[0]
        yield "classes", {"run": first, "model": parts[0], "label": label}
    elif len(parts) > 2 and parts[1] == "tool":
        yield "classes", {"run": first, "model": parts[0]}
    elif rest in _OF_DATA:
        yield "data", {"run": first}
    elif rest in _OF_STATUS:
        yield "status", {"run": first}
    elif parts[0] in {"teacher", "incumbent"} or len(parts) == 1:
        yield "results", {"run": first}
    else:
        yield "results", {"run": first, "model": parts[0]}


def write(question: ExamQuestion, results: Sequence[Json]) -> str:
    """Its answer: every value beside the name that it belongs to, and the words for the rest."""
    told = {one["ref"]: one for found in results for one in found.get("values", [])}
    notes = [note for found in results for note in found.get("notes", [])]
    lines = [
        _sentence(told[ref]) for value in question.values if (ref := f"{{{{v:{value}}}}}") in told
    ]
    lines += [f"See {run}." for run in question.sources if not any(run in line for line in lines)]
    for expression in question.says:
        if _found(expression, " ".join([*lines, *(told[ref]["shown"] for ref in _refs(lines))])):
            continue
        texts = [one for one in told.values() if _found(expression, one["shown"])]
        named = [note for note in notes if _found(expression, note)]
        lines.append(_sentence(texts[0]) if texts else (named or [_literal(expression)])[0])
    if question.asks_back:
        lines.append("Which workload do you mean?")
    return "\n".join(lines) or "What there is does not say."


def _sentence(one: Json) -> str:
    """'macro-F1 of tfidf-svm in r-12: {{v:…}}.'"""
    said = re.sub(r"\b95th percentile\b", "p-high", one["is"])
    said = said.replace("per 1,000 requests", "").replace("n't", "")
    said = re.sub(r"(cost of|saving for) [\d,]+ requests( a \w+)?", r"\1 them", said)
    return f"{said}: {one['ref']}."


def _refs(lines: Sequence[str]) -> list[str]:
    return [ref for line in lines for ref in re.findall(r"\{\{v:[^{}]+\}\}", line)]


def _literal(expression: str) -> str:
    """Words that the expression finds: its first alternative that is nothing but words."""
    options = [re.sub(r"\\(.)", r"\1", option) for option in expression.split("|")]
    plain = [option for option in options if re.fullmatch(r"[\w .&/-]+", option)]
    return f"It is {(plain or options)[0].strip()} in this case."


def _found(expression: str, text: str) -> bool:
    return re.search(expression, text, re.IGNORECASE) is not None
