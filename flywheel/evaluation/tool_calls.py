"""Comparing tool calls with those expected, as JSON values. Pure."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from flywheel.errors import DataError
from flywheel.evaluation.json_values import NotJsonError, canonical, parse
from flywheel.evaluation.tool_schemas import Fit, ToolSchemas
from flywheel.evaluation.tool_scores import ToolCallScores, ToolScore


class ToolCase(NamedTuple):
    """One evaluation record: lists of `{"function": {"name", "arguments"}}`, as OpenAI has them.

    `arguments` is JSON text or the object itself. None is no call, which can be right.
    `answered` is whatever the model gave. `tools` is the list that the request offers.
    """

    expected: Any
    answered: Any
    tools: Any = None


class Call(NamedTuple):
    """A call as it was read; None where a part of it is not there or cannot be read."""

    name: str | None
    arguments: dict[str, Any] | None
    key: str | None  # the same for equal arguments


_UNREADABLE = Call(None, None, None)


class CallComparison(NamedTuple):
    """One record. The counters hold calls by tool."""

    same_names: bool
    same_calls: bool
    unparseable: bool
    expected: Counter[str]
    found: Counter[str]  # of the expected, made with whatever arguments
    exact: Counter[str]  # of the expected, made with equal arguments
    made: Counter[str]  # calls with a name, right or wrong
    answered: int
    fits: Counter[Fit]  # of the answered

    @property
    def missing(self) -> int:
        """Expected calls that were not made."""
        return self.expected.total() - self.found.total()

    @property
    def extra(self) -> int:
        """Calls that were not expected."""
        return self.answered - self.found.total()


def compare(case: ToolCase, schemas: ToolSchemas) -> CallComparison:
    """Match the answered calls to the expected ones, one to one and in any order.

    An answer that is no list counts as one call that cannot be read. Raises DataError where an
    expected call cannot be read.
    """
    expected, answered = _read(case.expected), _read(case.answered)
    names = Counter(call.name for call in answered)
    calls = Counter((call.name, call.key) for call in answered)
    wanted_names: Counter[str] = Counter()
    wanted: Counter[tuple[str, str]] = Counter()
    for call in expected:
        if call.name is None or call.key is None:
            raise DataError("An expected tool call has no name or no JSON object of arguments.")
        wanted_names[call.name] += 1
        wanted[call.name, call.key] += 1
    exact: Counter[str] = Counter()
    for (name, key), times in wanted.items():
        exact[name] += min(times, calls[name, key])
    tools = case.tools if isinstance(case.tools, list) else []
    return CallComparison(
        same_names=names == wanted_names,
        same_calls=calls == wanted,
        unparseable=any(call.name is None or call.key is None for call in answered),
        expected=wanted_names,
        found=Counter({name: min(n, names[name]) for name, n in wanted_names.items()}),
        exact=exact,
        made=Counter(call.name for call in answered if call.name is not None),
        answered=len(answered),
        fits=Counter(schemas.fit(call.name, call.arguments, tools) for call in answered),
    )


def score_tool_calls(
    cases: Iterable[ToolCase], confidence: float, schemas: ToolSchemas | None = None
) -> ToolCallScores:
    """The scores of one model, with Wilson intervals over records.

    Models that are scored on the same requests can share `schemas`, which saves time. Raises
    DataError where there is no record or an expected call cannot be read.
    """
    schemas = schemas or ToolSchemas()
    return tool_call_scores(list(compare_each(cases, schemas)), confidence, schemas.broken)


def compare_each(cases: Iterable[ToolCase], schemas: ToolSchemas) -> Iterator[CallComparison]:
    """The comparison of each record, in order. Raises DataError, which names the record."""
    for number, case in enumerate(cases, start=1):
        try:
            yield compare(case, schemas)
        except DataError as error:
            raise DataError(
                f"Evaluation record {number}: {error.message}",
                "Leave such records out of the evaluation set "
                "(data_split_config.parse_function_arguments: true does).",
            ) from error


def tool_call_scores(
    compared: Sequence[CallComparison], confidence: float, broken_schemas: int
) -> ToolCallScores:
    """The scores that the comparisons come to.

    NeMo Evaluator's scores of these two names compare sets of names and, of several calls to the
    same tool, only the last ones: what was dropped or changed before is right there, wrong here.
    Raises DataError where there is no record.
    """
    from flywheel.evaluation.intervals import wilson

    if not compared:
        raise DataError("The evaluation set is empty.", "Choose a larger evaluation set.")
    n, fits = len(compared), _sum(record.fits for record in compared)
    expected = _sum(record.expected for record in compared)
    found = _sum(record.found for record in compared)
    exact = _sum(record.exact for record in compared)
    made = _sum(record.made for record in compared)
    checked = fits.total() - fits["broken schema"]
    return ToolCallScores(
        n=n,
        function_name_accuracy=wilson(sum(r.same_names for r in compared), n, confidence),
        function_name_and_args_accuracy=wilson(sum(r.same_calls for r in compared), n, confidence),
        unparseable=sum(record.unparseable for record in compared),
        expected_calls=expected.total(),
        answered_calls=fits.total(),
        missing_calls=sum(record.missing for record in compared),
        extra_calls=sum(record.extra for record in compared),
        valid_arguments=fits["valid"] / checked if checked else None,
        checked_calls=checked,
        unknown_tools=fits["unknown tool"],
        unreadable_calls=fits["unreadable"],
        schema_violations=fits["refused"],
        broken_schemas=broken_schemas,
        per_tool=[
            ToolScore(
                tool=tool,
                support=support,
                name_recall=found[tool] / support,
                exact_recall=exact[tool] / support,
                answered=made[tool],
            )
            for tool, support in sorted(expected.items(), key=lambda item: (-item[1], item[0]))
        ],
    )


def in_words(calls: Any) -> str:
    """Calls as people read them, one a line: 'search({"city": "Bern"})'; equal calls look alike."""
    said = []
    for call in calls if isinstance(calls, list) else []:
        read = _call(call)
        if read.name is None or read.key is None:
            said.append(json.dumps(call, ensure_ascii=False))
        else:
            arguments = json.dumps(json.loads(read.key), ensure_ascii=False)
            said.append(f"{read.name}({arguments})")
    return "\n".join(sorted(said)) or "(no call)"


_Key = TypeVar("_Key")


def _sum(counters: Iterable[Counter[_Key]]) -> Counter[_Key]:
    total: Counter[_Key] = Counter()
    for counter in counters:
        total.update(counter)
    return total


def _read(calls: Any) -> list[Call]:
    if calls is None:
        return []
    return [_call(call) for call in calls] if isinstance(calls, list) else [_UNREADABLE]


def _call(call: Any) -> Call:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        return _UNREADABLE
    name, arguments = function.get("name"), function.get("arguments")
    name = name if isinstance(name, str) else None
    try:
        value = parse(arguments) if isinstance(arguments, str) else arguments
        return (
            Call(name, value, canonical(value))
            if isinstance(value, dict)
            else Call(name, None, None)
        )
    except NotJsonError:
        return Call(name, None, None)
