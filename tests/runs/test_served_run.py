"""Runs with a candidate that is only asked, behind a real server."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlmodel import select

from flywheel.db.models import Evaluation, Prediction
from flywheel.errors import ConflictError, DataError
from flywheel.ports.backends import Backends
from flywheel.service import promotions, runs
from flywheel.service.doctor import check
from flywheel.service.logs import import_files
from flywheel.settings import Settings
from flywheel.settings.sections import Secrets
from flywheel.views import RunView
from flywheel.wiring import open_backends
from tests.runs.test_killed import kill, worker
from tests.support.openai_server import (
    MODEL,
    OpenAIServer,
    examples_of,
    question_of,
    serving,
)
from tests.support.records import call_record, write_lines
from tests.support.running import APPROVER, SHELL, ended, start, until, working, write_log

ASKED, STUDENT, KEY = "neighbour", "hashing-sgd", "sk-hunter2"


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with serving(key=KEY) as opened:
        yield opened


def served_by(server: OpenAIServer, candidates: list[str]) -> dict[str, Any]:
    entry = {"name": ASKED, "url": server.url, "model_name": MODEL}
    return {"candidates": candidates, "served": [entry]}


@pytest.fixture
def asking(settings: Settings, server: OpenAIServer) -> Settings:
    """A student and a served candidate, whose key is known to the settings alone."""
    local = settings.local_platform_config.model_validate(served_by(server, [STUDENT, ASKED]))
    approval = settings.approval_config.model_copy(update={"approvers": [APPROVER.id]})
    secrets = Secrets(served_api_key=SecretStr(KEY))
    update = {"local_platform_config": local, "approval_config": approval, "secrets": secrets}
    return settings.model_copy(update=update)


@pytest.fixture
async def backends(asking: Settings, tmp_path: Path) -> AsyncIterator[Backends]:
    async with open_backends(asking) as opened:
        log = write_log(tmp_path / "log.jsonl")
        await import_files(opened.logs, [log], reject_dir=tmp_path / "rejects")
        yield opened


def questions(view: RunView, name: str) -> set[str]:
    """What the run's dataset asks."""
    path = next(str(d.nmp_uri) for d in view.datasets if d.name == name)
    lines = [json.loads(line) for line in Path(path).read_text().splitlines()]
    messages = [line.get("request", line)["messages"] for line in lines]
    return {next(m["content"] for m in one if m["role"] == "user") for one in messages}


def names_in(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def damage(folder: Path) -> None:
    with (folder / "examples.jsonl").open("a") as file:
        file.write("{}\n")


@pytest.mark.slow
async def test_from_start_to_verdict_promotion_and_incumbent(
    backends: Backends, server: OpenAIServer
) -> None:
    async with working(backends):
        run = await start(backends, eval_size=100, settings={"max_examples": "12"})
        view = await until(backends, run.id, ended)
    assert view.status == "completed", view.error
    assert {c.model_name: c.status for c in view.nims} == {STUDENT: "completed", ASKED: "completed"}
    asked = view.nims[1]
    assert asked.customizations == []
    kinds = {e.eval_type: e.measures for e in asked.evaluations}
    assert kinds == {
        "base-eval": "asked as logged",
        "icl-eval": "base model with examples in its prompt",
    }
    base, shown = asked.base, asked.customized
    assert base is not None
    assert shown is not None
    assert base.macro_f1.value < 0.4 < shown.macro_f1.low, "examples help this model"
    assert shown.input_tokens > 2 * base.input_tokens > 0

    train, held_out = questions(view, "train"), questions(view, "eval")
    assert Counter(question_of(body["messages"]) for body in server.bodies) == (
        Counter(dict.fromkeys(held_out, 2))
    )
    texts = {text for body in server.bodies for text, _ in examples_of(body["messages"])}
    assert len(server.with_examples) == 100
    assert texts <= train
    assert not texts & held_out

    assert view.recommendation is not None
    verdicts = {v.model_name: v.verdict for v in view.recommendation.candidates}
    assert verdicts[ASKED] == "promote"
    said = await promotions.promote(backends, view.id, ASKED, SHELL, "no training needed")
    promoted = said.promotion
    assert promoted is not None
    assert names_in(promoted.model_uri) == ["SHA256SUMS", "examples.jsonl", "served.json"]

    assert promoted.served == f"{MODEL} at {server.url}"

    before = server.with_examples
    async with working(backends):
        run = await start(
            backends, eval_size=100, candidates=[ASKED], settings={"max_examples": "3"}
        )
        again = await until(backends, run.id, ended)
    assert again.status == "completed", again.error
    assert again.compared is not None
    assert again.compared.name == f"{ASKED} ({view.id})"
    assert again.compared.scores is not None, again.compared.error
    assert again.compared.scores.macro_f1.value == shown.macro_f1.value, "the same records"
    later = server.with_examples[len(before) :]
    incumbent = [body["messages"] for body in later if len(examples_of(body["messages"])) == 12]
    assert len(incumbent) == 100
    by_question = {question_of(body["messages"]): body["messages"] for body in before}
    assert all(messages == by_question[question_of(messages)] for messages in incumbent)

    with pytest.raises(ConflictError, match="serves news already"):
        await promotions.promote(backends, view.id, ASKED, SHELL, "again")
    other = (await promotions.promote(backends, view.id, STUDENT, SHELL, "cheaper")).promotion
    assert other is not None
    assert other.served is None
    damage(Path(promoted.model_uri))
    with pytest.raises(DataError, match="is not the file"):
        await promotions.promote(backends, view.id, ASKED, SHELL, "back")


async def test_who_cannot_answer_a_workload_fails_and_the_others_go_on(
    backends: Backends, server: OpenAIServer, tmp_path: Path
) -> None:
    tools = ("search", "book", "cancel")
    records = [call_record(f"{tools[i % 3]} number {i}", tools[i % 3], number=i) for i in range(80)]
    log = write_lines(tmp_path / "calls.jsonl", *({**r, "workload_id": "desk"} for r in records))
    await import_files(backends.logs, [log], reject_dir=tmp_path / "rejects")
    async with working(backends):
        both = await start(backends, workload_id="desk", eval_size=20)
        alone = await start(backends, workload_id="desk", eval_size=20, candidates=[STUDENT])
        view = await until(backends, both.id, ended)
        failed = await until(backends, alone.id, ended)
    steps = {(s.candidate, s.kind): s for s in view.steps}
    sentence = f"{STUDENT} cannot answer desk, a tool_calling workload: it answers classification."
    assert steps[STUDENT, "customize"].error == sentence
    assert steps[STUDENT, "base-eval"].error == sentence
    assert steps[STUDENT, "customized-eval"].status == "skipped"
    assert {steps[ASKED, kind].status for kind in ("base-eval", "icl-eval")} == {"completed"}
    async with backends.database.transaction() as session:
        rows = await session.exec(
            select(Prediction.expected, Prediction.tool_calls)
            .join(Evaluation)
            .where(Evaluation.eval_type == "icl-eval", Evaluation.candidate == ASKED)
        )
        called = [(tool, calls[0]["function"]["name"]) for tool, calls in rows if calls]
    assert len(called) == 20
    assert all(expected == name for expected, name in called)
    assert failed.status == "failed"
    assert failed.error is not None
    assert "desk is a tool_calling workload; the candidates of the run answer only" in failed.error


async def test_the_doctor_says_whether_it_answers(backends: Backends, server: OpenAIServer) -> None:
    lines = {part.part: part for part in await check(backends)}
    assert lines[f"candidate {ASKED}"].state == "ok"
    assert lines[f"candidate {ASKED}"].detail == f"{server.url} serves {MODEL}"
    server.key = "another"
    lines = {part.part: part for part in await check(backends)}
    assert lines[f"candidate {ASKED}"].state == "failed"
    assert "FLYWHEEL_SERVED_API_KEY" in lines[f"candidate {ASKED}"].hint


@pytest.mark.slow
async def test_a_worker_killed_while_it_is_asked(
    settings: Settings,
    asking: Settings,
    server: OpenAIServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FLYWHEEL_LOCAL_PLATFORM_CONFIG", json.dumps(served_by(server, [ASKED])))
    monkeypatch.setenv("FLYWHEEL_SERVED_API_KEY", KEY)
    gate = asyncio.Event()
    server.before = gate.wait
    async with open_backends(asking, with_queue=False) as outside:
        log = write_log(tmp_path / "log.jsonl")
        await import_files(outside.logs, [log], reject_dir=tmp_path / "rejects")
        run = await start(outside, candidates=[ASKED])
        async with worker(settings) as first:
            async with asyncio.timeout(30):
                while server.at_once < 4:
                    await asyncio.sleep(0.01)
            await kill(first)
        gate.set()
        async with worker(settings):
            view = await until(outside, run.id, ended)
    assert view.status == "completed", view.error
    assert Counter(server.asked.values()) == {2: 60}, "as logged, and with examples"
    started = [path.read_text() for path in settings.home.rglob("attempts")]
    assert started == ["1"] * 3, "a job was started twice"


async def test_cancelling_a_run_stops_the_asking(backends: Backends, server: OpenAIServer) -> None:
    gate = asyncio.Event()
    server.before = gate.wait
    async with working(backends):
        run = await start(backends, candidates=[ASKED])
        async with asyncio.timeout(30):
            while server.at_once < 4:
                await asyncio.sleep(0.01)
        await runs.cancel_run(backends, run.id, SHELL)
        view = await until(backends, run.id, ended)
    assert view.status == "cancelled"
    async with asyncio.timeout(10):
        while server.at_once:
            await asyncio.sleep(0.01)
    assert server.bodies == []
