"""What a language model may look up, over the database and the log of the examination's company."""

import json
from typing import Any

import pytest

from flywheel.insights.tools import TOOLS, Toolbox
from flywheel.ports.backends import Backends
from flywheel.service.evidence import ServiceEvidence

BY_NAME = {tool.name: tool for tool in TOOLS}

pytestmark = pytest.mark.xdist_group("insights company")


@pytest.fixture
def box(company: Backends) -> Toolbox:
    return Toolbox(ServiceEvidence(company), "any question")


async def told(box: Toolbox, tool: str, **arguments: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await box.use(BY_NAME[tool], arguments))
    return found


def shown(found: dict[str, Any]) -> dict[str, str]:
    return {one["ref"][4:-2]: one["shown"] for one in found["values"]}


async def test_everything_that_is_told_can_be_referred_to_and_is_nothing_else(box: Toolbox) -> None:
    asked: dict[str, dict[str, Any]] = {
        "find": {"words": "news"},
        "results": {"run": "r-3"},
        "classes": {"run": "r-3", "model": "1b"},
        "compare_models": {"run": "r-3", "one": "8b", "other": "1b"},
        "compare_runs": {"older": "r-3", "newer": "r-6"},
        "trend": {"workload": "news_events"},
        "cost": {"run": "r-3", "requests": 4_000_000, "period": "month"},
        "data": {"run": "r-3"},
        "log": {},
        "status": {},
        "serving": {"workload": "news"},
        "policy": {"run": "r-3"},
    }
    refs = set()
    for tool, arguments in asked.items():
        found = await told(box, tool, **arguments)
        assert found["values"], tool
        refs |= set(shown(found))
    assert refs == set(box.values)
    assert [call.failed for call in box.calls] == [None] * len(asked)


async def test_scores_come_with_interval_and_n_and_the_words_that_belong_to_them(
    box: Toolbox,
) -> None:
    found = await told(box, "results", run="r-3", model="1b")
    macro = next(one for one in found["values"] if one["ref"].endswith("/macro_f1}}"))
    assert macro["is"] == "macro-F1 of llama-3.2-1b-instruct in r-3"
    assert macro["shown"].startswith("0.9")
    assert "n 400" in macro["shown"]
    assert "Verdict of the policy" in found["notes"][1]


async def test_two_models_are_told_apart_by_the_paired_test_alone(box: Toolbox) -> None:
    apart = await told(box, "compare_models", run="r-3", one="8b", other="1b")
    assert apart["notes"] == ["The paired test tells them apart."]
    alike = await told(box, "compare_models", run="r-6", one="8b", other="3b")
    assert alike["notes"] == ["The difference is not significant."]
    words = shown(alike)["r-6/llama-3.1-8b-instruct/minus/llama-3.2-3b-instruct"]
    assert words.endswith("; not significant)")


async def test_runs_on_other_records_are_not_compared(box: Toolbox) -> None:
    found = await told(box, "compare_runs", older="r-1", newer="r-3")
    assert "cannot be told" in found["notes"][0]


async def test_code_calculates(box: Toolbox) -> None:
    await told(box, "cost", run="r-3", model="1b", requests=1_000_000, period="month")
    teacher, mine = (
        "cost/r-3/teacher/1000000/month",
        ("cost/r-3/llama-3.2-1b-instruct/1000000/month"),
    )
    difference = await told(box, "calculate", operation="difference", values=[teacher, mine])
    saving = box.values["saving/r-3/llama-3.2-1b-instruct/1000000/month"]
    assert list(shown(difference).values()) == [saving.shown]
    unknown = await told(box, "calculate", operation="sum", values=[teacher, "r-3/nothing"])
    assert "Only values with a number" in unknown["error"]
    mixed = await told(box, "results", run="r-3", model="1b")
    score = next(iter(shown(mixed)))
    units = await told(box, "calculate", operation="sum", values=[teacher, score])
    assert "different units" in units["error"]


async def test_what_is_not_there_is_said_with_what_there_is(box: Toolbox) -> None:
    assert "There is no run r-99" in (await told(box, "results", run="r-99"))["error"]
    no_model = (await told(box, "results", run="r-12", model="8b"))["error"]
    assert "r-12 has no model '8b'; it has: llama-3.2-1b-instruct" in no_model
    assert "No workload is called" in (await told(box, "trend", workload="weather"))["error"]
    assert "has no class" in (await told(box, "classes", run="r-3", label="Sports"))["error"]
    assert "has no scores" in (await told(box, "cost", run="r-5", requests=5))["error"]
    assert "requests:" in (await told(box, "cost", requests="many"))["error"]
    assert all(call.failed for call in box.calls)
    assert box.values == {}


async def test_what_people_wrote_is_a_quotation_without_links_or_marks(box: Toolbox) -> None:
    reason = shown(await told(box, "serving", workload="agent_tools"))[
        "promotion/agent_tools/reason"
    ]
    assert reason == f"“{reason.strip('“”')}”"
    assert not any(mark in reason for mark in ("http", "](", "<!", "*", "//"))


async def test_names_become_known_with_the_run_that_has_them(box: Toolbox) -> None:
    assert box.material().names == []
    await told(box, "results", run="r-3")
    material = box.material()
    assert {"r-3", "news_events", "llama-3.2-1b-instruct", "M&A"} <= set(material.names)
    assert "llama-3.2-1b-instruct" in material.models
    assert "r-6" not in material.names
