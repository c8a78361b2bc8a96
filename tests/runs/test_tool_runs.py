"""Runs of a tool-calling workload on the real worker, with candidates whose faults are known."""

import random
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

from bot.views.results import results
from flywheel.cli.drawing import run_list, run_page
from flywheel.errors import SettingsError
from flywheel.ports.backends import Backends
from flywheel.service import promotions, receipts, review, runs
from flywheel.service.logs import import_files
from flywheel.settings import Settings
from flywheel.views import RunRequest, RunView
from flywheel.wiring import open_backends
from tests.support.planted import (
    Planted,
    PlantedPlatform,
    changed,
    cut_off,
    dropped,
    redressed,
    renamed,
)
from tests.support.records import call_record, write_lines
from tests.support.running import SHELL, ended, until, working

CANDIDATES = (
    Planted("copy", 1.0, redressed),
    Planted("worse", 0.5, changed),
    Planted("worst", 0.9, renamed, dropped),
    Planted("garbled", 0.1, cut_off),
)
WISHES = {"workload_id": "tools", "eval_size": 120, "bootstrap_resamples": "400"}


def tool_log(path: Path, records: int = 240) -> Path:
    """Questions that one tool or two in parallel answer."""
    rng = random.Random(3)
    lines = []
    for number in range(records):
        tools = rng.choice([["search"], ["book"], ["cancel"], ["search", "book"]])
        value = {"id": number, "price": 2.0, "where": {"b": [1, 2], "a": None}}
        text, arguments = f"please do {number}", orjson.dumps(value).decode()
        line = call_record(text, *tools, number=number, arguments=arguments)
        lines.append({**line, "workload_id": "tools"})
    return write_lines(path, *lines)


@pytest.fixture
async def planted(settings: Settings, tmp_path: Path) -> AsyncIterator[Backends]:
    """Every real part but the platform, with the log imported."""
    async with open_backends(settings) as opened:
        log = tool_log(tmp_path / "log.jsonl")
        await import_files(opened.logs, [log], reject_dir=tmp_path / "rejects")
        yield replace(opened, platform=PlantedPlatform(tmp_path, *CANDIDATES))


async def finished(
    backends: Backends, *candidates: str, policy: Path | None = None, **wishes: Any
) -> RunView:
    request = RunRequest.model_validate({**WISHES, "candidates": list(candidates), **wishes})
    run = await runs.start_run(backends, request, SHELL, policy)
    return await until(backends, run.id, ended)


def shown(view: RunView) -> str:
    """The page of a run, and its line in the list, as a terminal of 100 columns shows them."""
    console = Console(width=100, highlight=False)
    with console.capture() as captured:
        run_page(console, view)
        run_list(console, [view])
    return captured.get()


@pytest.mark.slow
async def test_from_calls_to_a_verdict_a_promotion_and_a_receipt(
    planted: Backends, tmp_path: Path
) -> None:
    async with working(planted):
        first = await finished(planted, "copy", "worse", "worst", "garbled")
        assert first.status == "completed", first.error
        said = first.recommendation
        assert said is not None
        assert said.policy is not None
        assert "metric: auto" in said.policy.text
        verdicts = {c.model_name: c for c in said.candidates}
        assert {name: v.verdict for name, v in verdicts.items()} == {
            "copy": "promote",
            "worse": "keep",
            "worst": "keep",
            "garbled": "keep",  # right often enough, but too many calls cannot be read
        }
        assert said.model_name == "copy"
        assert "copy has name-and-arguments accuracy 1.000 on 120 records" in said.reason
        assert verdicts["copy"].difference is not None
        assert verdicts["copy"].difference.metric == "tool_calls"
        assert "10 % of its answers have a call that cannot be read" in verdicts["garbled"].reason

        by_name = {c.model_name: c for c in first.nims}
        flat = {e.eval_type: e.scores for e in by_name["worse"].evaluations}["customized-eval"]
        assert flat["function_name_accuracy"] == 1
        assert flat["function_name_and_args_accuracy"] == flat["accuracy"] == 0.5
        assert "tool_calling_correctness" not in flat
        assert by_name["copy"].base is not None
        assert by_name["copy"].base.rank == 0

        text = shown(first)
        assert "exact calls (95 %)" in text
        assert "macro-F1 (95" not in text
        blocks = orjson.dumps([b.to_dict() for b in results(first).blocks]).decode()
        assert "Exact calls" in blocks
        assert "Macro-F1" not in blocks
        events = [event.text for event in await runs.run_events(planted, first.id)]
        assert any("copy (fine-tuned): name-and-arguments accuracy 1.000" in e for e in events)

        # People see the calls, not only whose tools they are of.
        question = await review.next_question(planted, first.id, "worse", SHELL)
        assert question is not None
        sides = sorted((question.a, question.b), key=len)
        assert sides[0] == sides[1].replace('"of no use": true, ', "")
        assert '"price": 2, "where": {"a": null, "b": [1, 2]}' in sides[0]
        told = await review.answer(planted, first.id, "worse", question.row, "a", SHELL)
        assert told.judgement == told.a_is  # the same tools, and yet not the same answer

        said = await promotions.promote(planted, first.id, "copy", SHELL, "as good")
        promoted = said.promotion
        assert promoted is not None
        assert (promoted.metric, promoted.score) == ("tool_calls", 1)
        (tmp_path / "ours.yaml").write_text(
            "reference: incumbent\nmetric: function_names\nmargin: 0.1\n"
            "floors: [{label: book, at_least: 0.7}, "
            "{label: book, metric: precision, at_least: 0.9}]"
        )
        second = await finished(planted, "worse", "worst", policy=tmp_path / "ours.yaml")
    assert second.status == "completed", second.error
    assert second.compared is not None
    assert second.compared.scores is not None
    assert second.compared.scores.rank == 1
    said = second.recommendation
    assert said is not None
    verdicts = {c.model_name: c for c in said.candidates}
    # Its faults are in the arguments alone, which this policy does not look at.
    assert (verdicts["worse"].verdict, verdicts["worst"].verdict) == ("promote", "keep")
    floors = [c.text for c in verdicts["worst"].clauses if c.name == "floor"]
    assert floors[0].startswith("recall of book is only 0.")
    test = verdicts["worst"].mcnemar
    assert test is not None
    assert (test.only_candidate_right, test.only_reference_right) == (0, 108)
    incumbent, before = said.regressions
    assert incumbent.score.change == before.score.change == "same"

    signed = orjson.loads(await receipts.receipt_of(planted, first.id))
    entry = next(c for c in signed["receipt"]["candidates"] if c["name"] == "worse")
    assert entry["scores"]["tools"]["function_name_and_args_accuracy"]["value"] == 0.5


async def test_a_policy_that_does_not_fit_is_refused_before_anything_is_trained(
    planted: Backends, tmp_path: Path
) -> None:
    (tmp_path / "f1.yaml").write_text("metric: macro_f1\n")
    sentence = "goes by macro_f1, a score that answers of a tool_calling workload do not have"
    with pytest.raises(SettingsError, match=sentence):
        await finished(
            planted, "copy", policy=tmp_path / "f1.yaml", settings={"workload_type": "tool_calling"}
        )
    assert await runs.list_runs(planted) == []
    async with working(planted):
        view = await finished(planted, "copy", policy=tmp_path / "f1.yaml")
    assert view.status == "failed"
    assert sentence in (view.error or "")
    assert {s.status for s in view.steps if s.kind == "customize"} == {"skipped"}
