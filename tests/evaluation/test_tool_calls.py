"""Tool calls: small cases by hand, and planted faults in a real log."""

import gzip
import json
import random
from typing import Any

import orjson
import pytest

from flywheel.errors import DataError
from flywheel.evaluation.tool_calls import ToolCase, score_tool_calls
from flywheel.evaluation.tool_schemas import ToolSchemas
from flywheel.evaluation.tool_scores import ToolCallScores, ToolScore
from tests.support.records import real_file

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": CITY}},
    {"type": "function", "function": {"name": "now"}},
    {"type": "function", "function": {"name": "odd", "parameters": {"type": "dict"}}},
]


def call(name: object, arguments: object = "{}") -> dict[str, Any]:
    return {"id": "c", "type": "function", "function": {"name": name, "arguments": arguments}}


def scored(*pairs: tuple[Any, Any], tools: Any = TOOLS) -> ToolCallScores:
    return score_tool_calls([ToolCase(want, got, tools) for want, got in pairs], 0.95)


def accuracies(scores: ToolCallScores) -> tuple[float, float]:
    return scores.function_name_accuracy.value, scores.function_name_and_args_accuracy.value


BERN, ROME = call("weather", '{"city": "Bern"}'), call("weather", {"city": "Rome"})


@pytest.mark.parametrize(
    ("expected", "answered", "names", "exact", "missing", "extra"),
    [
        ([BERN, ROME], [ROME, BERN], 1, 1, 0, 0),  # parallel calls have no order
        ([BERN], [call("weather", {"city": "Bern"})], 1, 1, 0, 0),  # text or object
        ([BERN], [ROME], 1, 0, 0, 0),
        ([BERN], [call("weather", '{"city": "bern"}')], 1, 0, 0, 0),
        ([BERN, BERN], [BERN], 0, 0, 1, 0),  # each as often as expected
        ([BERN, ROME], [BERN, BERN], 1, 0, 0, 0),  # matched one to one
        ([BERN], [BERN, BERN], 0, 0, 0, 1),
        ([BERN], [call("now")], 0, 0, 1, 1),
        ([BERN], None, 0, 0, 1, 0),
        ([BERN], [], 0, 0, 1, 0),
        ([], None, 1, 1, 0, 0),  # not to call can be right
        (None, [BERN], 0, 0, 0, 1),
    ],
)
def test_one_record(
    expected: Any, answered: Any, names: float, exact: float, missing: int, extra: int
) -> None:
    scores = scored((expected, answered))
    assert accuracies(scores) == (names, exact)
    assert (scores.missing_calls, scores.extra_calls, scores.unparseable) == (missing, extra, 0)


@pytest.mark.parametrize(
    ("answered", "names"),
    [
        ([call("weather", '{"city": "Bern"')], 1),  # cut off: the name still counts
        ([call("weather", '["Bern"]')], 1),
        ([call("weather", "")], 1),
        ([call("weather", None)], 1),
        ([call("weather", {"city": float("nan")})], 1),
        ([call(None, '{"city": "Bern"}')], 0),
        ([{"name": "weather", "arguments": "{}"}], 0),
        (["weather(Bern)"], 0),
        ("weather(Bern)", 0),
        ({"function": {"name": "weather"}}, 0),
    ],
)
def test_answers_that_cannot_be_read(answered: Any, names: float) -> None:
    scores = scored(([BERN], answered))
    assert accuracies(scores) == (names, 0)
    assert scores.unparseable == 1
    assert (scores.unreadable_calls, scores.valid_arguments) == (1, 0)
    assert scored(([], answered)).function_name_and_args_accuracy.value == 0


def test_arguments_are_checked_against_the_tool_on_offer() -> None:
    answered = [
        BERN,  # valid
        call("weather", "{}"),  # the city is required
        call("weather", '{"city": 5}'),
        call("now"),  # valid: takes nothing
        call("now", '{"zone": "UTC"}'),
        call("fly"),  # unknown
        call("odd"),  # its schema is none
        call("now", "soon"),  # unreadable
    ]
    scores = scored(([BERN], answered), ([BERN], [call("odd", '{"a": 1}'), BERN]))
    assert (scores.answered_calls, scores.checked_calls) == (10, 8)
    assert scores.valid_arguments == 3 / 8
    assert scores.schema_violations == 3
    assert (scores.unknown_tools, scores.unreadable_calls, scores.broken_schemas) == (1, 1, 1)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "dict"},
        {"$ref": "http://127.0.0.1:9/elsewhere"},  # fetched by jsonschema unless told not to
        {"$ref": "#"},
        {"$ref": "#/nowhere"},
        {"patternProperties": {"[": {}}},
        {"$schema": []},
        ["object"],
        "object",
    ],
)
def test_a_broken_schema_is_counted_apart(schema: Any) -> None:
    tools = [{"function": {"name": "weather", "parameters": schema}}]
    scores = scored(([BERN], [BERN]), tools=tools)
    assert accuracies(scores) == (1, 1)
    assert (scores.valid_arguments, scores.checked_calls, scores.broken_schemas) == (None, 0, 1)


@pytest.mark.parametrize("tools", [None, [], "none", [None, {"function": "weather"}, {}]])
def test_without_tools_on_offer_every_call_is_unknown(tools: Any) -> None:
    assert scored(([BERN], [BERN]), tools=tools).unknown_tools == 1


def test_the_table_of_tools() -> None:
    scores = scored(([BERN, ROME], [BERN]), ([BERN], [ROME]), ([call("now")], [call("fly")]))
    assert scores.per_tool == [
        ToolScore(tool="weather", support=3, name_recall=2 / 3, exact_recall=1 / 3, answered=2),
        ToolScore(tool="now", support=1, name_recall=0, exact_recall=0, answered=0),
    ]


def test_a_reference_that_cannot_be_read_is_a_sentence() -> None:
    with pytest.raises(DataError, match="Evaluation record 2: An expected tool call"):
        scored(([BERN], [BERN]), ([call("weather", "Bern")], [BERN]))
    with pytest.raises(DataError, match="evaluation set is empty"):
        scored()


# --- a real log ---------------------------------------------------------------------------------

Calls = list[dict[str, Any]]


@pytest.fixture(scope="module")
def log() -> list[tuple[Calls, Any]]:
    """Every record's calls and the tools it offered."""
    with gzip.open(real_file("tool_calls_bfcl.jsonl.gz")) as file:
        records = [orjson.loads(line) for line in file]
    return [
        (r["response"]["choices"][0]["message"]["tool_calls"], r["request"]["tools"])
        for r in records
    ]


@pytest.fixture(scope="module")
def schemas() -> ToolSchemas:
    return ToolSchemas()


def against_itself(
    log: list[tuple[Calls, Any]], answers: list[Calls], schemas: ToolSchemas
) -> ToolCallScores:
    cases = [ToolCase(calls, got, tools) for (calls, tools), got in zip(log, answers, strict=True)]
    return score_tool_calls(cases, 0.95, schemas)


def reversed_keys(value: Any) -> Any:
    """With keys in reverse and whole numbers as floats."""
    if isinstance(value, dict):
        return {key: reversed_keys(value[key]) for key in reversed(value)}
    if isinstance(value, list):
        return [reversed_keys(member) for member in value]
    return float(value) if type(value) is int else value


def test_a_real_log_against_itself_and_in_other_clothes(
    log: list[tuple[Calls, Any]], schemas: ToolSchemas
) -> None:
    redressed = [
        [
            call(
                c["function"]["name"],
                json.dumps(reversed_keys(json.loads(c["function"]["arguments"])), indent=3),
            )
            for c in reversed(calls)
        ]
        for calls, _ in log
    ]
    assert sum(a != calls for a, (calls, _) in zip(redressed, log, strict=True)) > 2000
    objects = [  # as evaluation files have them
        [call(c["function"]["name"], orjson.loads(c["function"]["arguments"])) for c in calls]
        for calls, _ in log
    ]
    for answers in ([calls for calls, _ in log], redressed, objects):
        scores = against_itself(log, answers, schemas)
        assert accuracies(scores) == (1, 1)
        assert scores.valid_arguments == 1
        assert (scores.n, scores.expected_calls, scores.answered_calls) == (2170, 2958, 2958)
        assert (scores.missing_calls, scores.extra_calls, scores.unparseable) == (0, 0, 0)
        assert {row.name_recall for row in scores.per_tool} == {1}
        assert {row.exact_recall for row in scores.per_tool} == {1}
        assert sum(row.support for row in scores.per_tool) == 2958


def test_planted_faults_are_found_and_no_others(
    log: list[tuple[Calls, Any]], schemas: ToolSchemas
) -> None:
    rng = random.Random(5)
    answers = [[call(**c["function"]) for c in calls] for calls, _ in log]
    rows = rng.sample(range(len(log)), 260)
    dropped, renamed, changed, added = rows[:100], rows[100:170], rows[170:220], rows[220:]
    for row in dropped:
        answers[row].pop(rng.randrange(len(answers[row])))
    for row in renamed:
        answers[row][0]["function"]["name"] += "_v2"
    for row in changed:
        arguments = json.loads(answers[row][0]["function"]["arguments"])
        arguments["of no use"] = True
        answers[row][0]["function"]["arguments"] = json.dumps(arguments)
    for row in added:
        answers[row].append(call("say_hello", '{"to": "you"}'))

    scores = against_itself(log, answers, schemas)
    assert scores.missing_calls == 100 + 70
    assert scores.extra_calls == 70 + 40
    assert accuracies(scores) == ((2170 - 210) / 2170, (2170 - 260) / 2170)
    assert scores.unknown_tools == 70 + 40
    assert scores.answered_calls == 2958 - 100 + 40
    assert scores.unparseable == 0
    missed = sum(row.support * (1 - row.name_recall) for row in scores.per_tool)
    assert missed == pytest.approx(170)
    inexact = sum(row.support * (1 - row.exact_recall) for row in scores.per_tool)
    assert inexact == pytest.approx(220)
