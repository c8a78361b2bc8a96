"""Runs whose answers a judge scores, by a real server and in real processes that are killed."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import SecretStr
from rich.console import Console

from flywheel import processes
from flywheel.cli.drawing import run_page
from flywheel.errors import SettingsError
from flywheel.ports.backends import Backends
from flywheel.runs.needs import check_needs
from flywheel.service import promotions, receipts, runs
from flywheel.service.logs import import_files
from flywheel.settings import EvaluationConfig, Settings
from flywheel.settings.sections import JudgeConfig, Secrets
from flywheel.views import RunRequest, RunView
from flywheel.wiring import open_backends
from tests.support.judge_server import KEY, MODEL, JudgeServer, judging
from tests.support.planted import Planted, PlantedPlatform, off_the_subject, redressed, renamed
from tests.support.records import answer, call_record, record, write_lines
from tests.support.running import ANALYST, SHELL, ended, until, working

RECORDS, EVALUATED = 130, 40
CANDIDATES = (
    Planted("copy"),
    Planted("redressed", 1.0, redressed),
    Planted("vague", 0.6, off_the_subject),
    Planted("silent", 1.0, off_the_subject),
    Planted("misnamed", 0.5, renamed),
)
WORDS = "sea sky tide sun moon star rain wind cloud storm wave shore".split()
POLICY = "min_records: 40\nmax_unparseable: null\n"


@pytest.fixture
async def judge(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[JudgeServer]:
    """What the environment of the worker has is not the judge's key: that of the settings is."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("FLYWHEEL_LLM_JUDGE_API_KEY", "somebody else's")
    async with judging() as server:
        yield server


@pytest.fixture
async def judged(settings: Settings, tmp_path: Path, judge: JudgeServer) -> AsyncIterator[Backends]:
    """Every real part but the platform; free text and tool calls in the log."""
    secrets = Secrets(llm_judge_api_key=SecretStr(KEY))
    settings = settings.model_copy(update={"llm_judge_config": judge.config(), "secrets": secrets})
    rng = random.Random(2)
    lines: list[dict[str, Any]] = []
    for number in range(RECORDS):
        said = answer(f"{' '.join(rng.sample(WORDS, 6))} {number}")
        texts = record(f"tell me about {number}", number=number)
        lines.append({**texts, "workload_id": "texts", "response": said})
        calls = call_record(f"do {number}", rng.choice(["search", "book"]), number=number)
        lines.append({**calls, "workload_id": "tools"})
    async with open_backends(settings) as opened:
        log = write_lines(tmp_path / "log.jsonl", *lines)
        await import_files(opened.logs, [log], reject_dir=tmp_path / "rejects")
        yield replace(opened, platform=PlantedPlatform(tmp_path, *CANDIDATES))


async def begun(backends: Backends, workload: str, *candidates: str, **settings: str) -> RunView:
    kind = {"workload_type": "generic"} if workload == "texts" else {}
    request = RunRequest(
        workload_id=workload,
        eval_size=EVALUATED,
        candidates=list(candidates),
        settings={**kind, "bootstrap_resamples": "400", **settings},
    )
    policy = backends.settings.home / "policy.yaml"
    policy.write_text(POLICY)
    return await runs.start_run(backends, request, SHELL, policy)


async def finished(backends: Backends, workload: str, *candidates: str, **settings: str) -> RunView:
    run = await begun(backends, workload, *candidates, **settings)
    return await until(backends, run.id, ended, seconds=120)


def holding(folder: Path, text: str) -> list[Path]:
    """The files below the folder that hold the text."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if text.encode() in path.read_bytes()]


def page(view: RunView) -> str:
    console = Console(width=100, highlight=False)
    with console.capture() as captured:
        run_page(console, view)
    return captured.get()


def verdicts(view: RunView) -> dict[str, str]:
    assert view.recommendation is not None, view.error
    return {c.model_name: c.verdict for c in view.recommendation.candidates}


@pytest.mark.slow
async def test_free_text_is_judged_decided_on_and_shown(
    judged: Backends, judge: JudgeServer, tmp_path: Path
) -> None:
    async with working(judged):
        first = await finished(judged, "texts", "copy", "vague")
        assert first.status == "completed", first.error
        asked = judge.asked.total()
        await promotions.promote(judged, first.id, "copy", SHELL, "as good")
        second = await finished(judged, "texts", "vague")
    assert verdicts(first) == {"copy": "promote", "vague": "keep"}
    by_name = {c.model_name: c.customized for c in first.nims}
    copy, vague = by_name["copy"], by_name["vague"]
    assert copy is not None
    assert vague is not None
    assert copy.headline is not None
    assert (copy.headline.name, copy.headline.value, copy.headline.n) == (
        *("judge similarity", 10, EVALUATED),
    )
    assert vague.rank == pytest.approx((24 * 1 + 16 * 10) / EVALUATED)  # 60 % are off the subject
    assert copy.judge is not None
    assert (copy.judge.model, copy.judge.task) == (MODEL, "similarity")
    assert first.llm_judge == {"model_name": MODEL, "prompt_digest": copy.judge.prompt_digest}
    assert copy.macro_f1 is copy.accuracy is None
    difference = first.recommendation.candidates[1].difference if first.recommendation else None
    assert difference is not None
    assert difference.value == pytest.approx(-0.6)  # 1 to 10 as 0 to 1, the teacher at 1
    assert difference.low < -0.6 < difference.high
    assert asked == EVALUATED + 24  # where both said the same, the judge was asked once
    assert f"Judged by {MODEL}, prompt {copy.judge.prompt_digest[:12]}: 40 of 40" in page(first)
    assert "similarity (95 %)" in page(first)
    events = [event.text for event in await runs.run_events(judged, first.id)]
    assert any(text.startswith("copy: judge similarity 10.000") for text in events)
    signed = orjson.loads(await receipts.receipt_of(judged, first.id))["receipt"]
    assert signed["candidates"][0]["scores"]["judge"]["prompt_digest"] == copy.judge.prompt_digest

    # The incumbent is judged as well; nothing that was judged before is asked again.
    assert second.compared is not None
    assert second.compared.scores is not None
    assert second.compared.scores.rank == 10
    assert second.recommendation is not None
    assert [r.against for r in second.recommendation.regressions] == ["copy (r-1)"] * 2
    assert {r.score.change for r in second.recommendation.regressions} == {"worse"}
    assert max(judge.asked.values()) == 1
    assert await asyncio.to_thread(holding, tmp_path, KEY) == []


@pytest.mark.slow
async def test_answers_that_nobody_judged_are_counted_and_decide_nothing(
    judged: Backends, judge: JudgeServer
) -> None:
    judge.unreadable = {"no idea"}
    async with working(judged):
        view = await finished(judged, "texts", "vague", "silent")
    assert view.status == "completed", view.error
    scores = view.nims[0].customized
    assert scores is not None
    assert scores.judge is not None
    assert (scores.judge.scored, scores.judge.unreadable, scores.judge.failed) == (16, 24, 0)
    assert verdicts(view) == {"vague": "insufficient-data"}
    assert view.recommendation is not None
    assert "60 % of the records have no score by the judge, and the policy allows 5 %" in (
        view.recommendation.reason
    )
    assert "24 replies unreadable" in page(view)
    assert "no score for 40 (40 replies unreadable, 0 requests failed)" in (
        view.nims[1].error or ""
    )


@pytest.mark.slow
async def test_a_judge_of_calls_stands_beside_the_exact_scores(
    judged: Backends, judge: JudgeServer
) -> None:
    async with working(judged):
        view = await finished(
            judged, "tools", "redressed", "misnamed", tool_eval_type="tool-calling-judge"
        )
    assert view.status == "completed", view.error
    assert verdicts(view) == {"redressed": "promote", "misnamed": "keep"}
    flat = {c.model_name: c.evaluations[-1].scores for c in view.nims}
    for name, right in (("redressed", 1.0), ("misnamed", 0.5)):
        assert flat[name]["tool_calling_correctness"] == right
        assert flat[name]["function_name_and_args_accuracy"] == right
    assert judge.asked.total() == 2 * EVALUATED


@pytest.mark.slow
async def test_a_killed_judging_process_asks_nothing_twice_that_was_answered(
    judged: Backends, judge: JudgeServer
) -> None:
    judge.limit = 10
    async with working(judged):
        run = await begun(judged, "texts", "copy")
        await asyncio.wait_for(judge.held.wait(), 60)
        folder = await judging_folder(judged, run)
        await kept(judged, judge.limit)
        answered = set(judge.answered)
        os.killpg(int((folder / "pid").read_text()), signal.SIGKILL)
        judge.limit = None
        view = await until(judged, run.id, ended, seconds=120)
        judge.open.set()
    assert view.status == "completed", view.error
    assert (folder / "attempts").read_text() == "2"
    assert len(judge.asked) == EVALUATED
    assert {judge.asked[question] for question in answered} == {1}


async def test_cancelling_stops_the_judging(judged: Backends, judge: JudgeServer) -> None:
    judge.limit = 0
    async with working(judged):
        run = await begun(judged, "texts", "copy")
        await asyncio.wait_for(judge.held.wait(), 60)
        folder = await judging_folder(judged, run)
        await runs.cancel_run(judged, run.id, ANALYST)
        view = await until(judged, run.id, ended, seconds=120)
    assert view.status == "cancelled"
    assert (await processes.poll(folder)).state == "cancelled"


async def test_without_a_judge_nothing_is_started(judged: Backends) -> None:
    alone = replace(
        judged, settings=judged.settings.model_copy(update={"llm_judge_config": JudgeConfig()})
    )
    sentence = "llm_judge_config names none. Set llm_judge_config.url"
    with pytest.raises(SettingsError, match=f"of a generic workload .* {sentence}"):
        await begun(alone, "texts", "copy")
    assert await runs.list_runs(alone) == []
    config = EvaluationConfig(tool_eval_type="tool-calling-judge")
    with pytest.raises(SettingsError, match=f"tool_eval_type asks for a judge, and {sentence}"):
        # As once the records are read.
        check_needs("tool_calling", None, config, JudgeConfig(), deploys_judge=False)
    check_needs("classification", None, config, JudgeConfig(), deploys_judge=False)


async def test_a_judge_to_deploy_needs_a_platform_that_deploys_it(judged: Backends) -> None:
    local = JudgeConfig(deployment_type="local", model_name=MODEL)
    update = {"llm_judge_config": local}
    alone = replace(judged, settings=judged.settings.model_copy(update=update))
    with pytest.raises(SettingsError, match="and a local judge needs the platform nemo, which"):
        await begun(alone, "texts", "copy")
    assert await runs.list_runs(alone) == []
    check_needs("generic", None, EvaluationConfig(), local, deploys_judge=True)


@pytest.mark.parametrize("key", [SecretStr("wrong"), None])
async def test_a_judge_that_refuses_is_a_sentence_on_the_run(
    judged: Backends, monkeypatch: pytest.MonkeyPatch, key: SecretStr | None
) -> None:
    monkeypatch.setenv("FLYWHEEL_LLM_JUDGE_API_KEY", KEY)  # not for us
    update = {"secrets": Secrets(llm_judge_api_key=key)}
    wrong = replace(judged, settings=judged.settings.model_copy(update=update))
    async with working(wrong):
        view = await finished(wrong, "texts", "copy")
    assert view.status == "failed"
    assert "refuses requests" in (view.error or "")
    assert "FLYWHEEL_LLM_JUDGE_API_KEY" in (view.error or "")


async def judging_folder(backends: Backends, run: RunView) -> Path:
    """Where the one judging process of the run is at work."""
    root = backends.settings.home / "runs"
    found = [path.parent for path in root.glob("*/judge/*/pid")]
    assert len(found) == 1, run.id
    return found[0]


async def kept(backends: Backends, replies: int) -> None:
    """Wait until so many replies are in the cache."""
    folder = backends.settings.home / "judge"
    async with asyncio.timeout(30):
        while len([*folder.rglob("*.json")]) < replies:
            await asyncio.sleep(0.02)
