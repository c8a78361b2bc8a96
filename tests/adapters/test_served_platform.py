"""Served candidates on the local platform: processes, the list of candidates, the doctor."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from flywheel.adapters.local_platform import LocalPlatform
from flywheel.errors import InvalidInputError, UnavailableError
from flywheel.ports.platform import CustomizeJob, EvaluateJob, JobStatus
from flywheel.settings import ServedCandidateConfig, TrainingConfig
from flywheel.settings.sections import LocalPlatformConfig, Secrets
from tests.support.openai_server import MODEL, question_of, stall
from tests.support.served import KEY, NAME, Bench, requests_of


def platform_of(bench: Bench, **more: Any) -> LocalPlatform:
    secrets = Secrets(served_api_key=SecretStr(KEY))
    config = bench.config(**more)
    return LocalPlatform(
        bench.folder / "home", ["tfidf-svm", NAME], 2, served=[config], secrets=secrets
    )


async def ended(platform: LocalPlatform, job: EvaluateJob | CustomizeJob) -> JobStatus:
    async with asyncio.timeout(30):
        while (found := await platform.poll(job)).state == "running":
            await asyncio.sleep(0.02)
    return found


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def kill(home: Path) -> Path:
    """SIGKILL to the only job; its folder."""
    pid = next(home.rglob("pid"))
    os.kill(int(pid.read_text()), signal.SIGKILL)
    return pid.parent


def holding(folder: Path, text: bytes) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if text in path.read_bytes()]


async def test_a_killed_job_goes_on_where_it_was_and_the_key_is_in_no_file(bench: Bench) -> None:
    server, platform, job = bench.server, platform_of(bench, max_concurrent_requests=1), bench.job()
    server.key = KEY
    questions = [question_of(r["messages"]) for r in requests_of(bench)]
    server.faults[questions[7]] = [stall]
    await platform.start(job)
    await platform.start(job)
    await until(lambda: server.asked[questions[7]] == 1)
    job_folder = kill(bench.folder / "home")
    found = await ended(platform, job)
    assert found.state == "completed", found.error
    rows = await platform.predictions(job)
    assert {row.answer for row in rows} == {"[[[Earnings]]]"}
    expected = Counter(questions)
    expected[questions[7]] += 1
    assert server.asked == expected, "what was answered is not asked again"
    assert (job_folder / "attempts").read_text() == "2"
    assert holding(bench.folder, b"Classify") != []
    assert holding(bench.folder, b"hunter") == []


async def test_cancel_stops_asking(bench: Bench) -> None:
    bench.server.every = stall
    platform, job = platform_of(bench, max_concurrent_requests=2), bench.job()
    await platform.start(job)
    await until(lambda: bench.server.asked.total() == 2)
    started = time.monotonic()
    assert await platform.cancel(job)
    assert time.monotonic() - started < 5
    assert (await ended(platform, job)).state == "cancelled"
    await until(lambda: bench.server.at_once == 0)
    assert bench.server.asked.total() == 2


async def test_a_served_model_is_a_candidate_like_the_students(bench: Bench) -> None:
    platform = platform_of(bench)
    student, served = platform.candidates()
    assert (student.name, served.name) == ("tfidf-svm", NAME)
    assert (served.customizable, served.takes_prompts) == (False, True)
    assert served.final_eval == "icl-eval"
    assert MODEL in served.description
    assert platform.workload_types == {"classification", "tool_calling", "generic"}
    with pytest.raises(InvalidInputError, match="Did you mean 'neighbour'"):
        await platform.start(bench.job().model_copy(update={"candidate": "neighbor"}))
    with pytest.raises(InvalidInputError, match="as a student is called"):
        LocalPlatform(bench.folder, ["tfidf-svm"], 1, served=[bench.config(name="tfidf-svm")])
    job = CustomizeJob(
        name="c", run_uid="run1", candidate=NAME, seed=1, datasets=bench.datasets,
        training=TrainingConfig(),
    )  # fmt: skip
    with pytest.raises(InvalidInputError, match="is only asked"):
        await platform.start(job)
    with pytest.raises(InvalidInputError, match="'customized-eval' is for models"):
        await bench.ask("customized-eval")


async def test_the_doctor_hears_what_answers(bench: Bench) -> None:
    bench.server.key = KEY
    assert await platform_of(bench).ping_candidate("tfidf-svm") is None
    assert await platform_of(bench).ping_candidate(NAME) == f"{bench.server.url} serves {MODEL}"
    with pytest.raises(UnavailableError, match="does not serve other") as caught:
        await platform_of(bench, model_name="other").ping_candidate(NAME)
    assert caught.value.hint == f"It has: {MODEL}."
    with pytest.raises(UnavailableError, match="cannot be reached"):
        await platform_of(bench, url="http://127.0.0.1:9/v1").ping_candidate(NAME)
    bench.server.key = "another"
    with pytest.raises(UnavailableError, match="401") as caught:
        await platform_of(bench).ping_candidate(NAME)
    assert "FLYWHEEL_SERVED_API_KEY" in caught.value.hint
    assert "hunter" not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"url": "http://me:hunter2@host/v1"}, "without a user, password or query"),
        ({"url": "http://host/v1?key=hunter2"}, "without a user, password or query"),
        ({"url": "ftp://host"}, "it must be an address"),
        ({"name": "a/b"}, "a candidate's name has"),
        ({"name": "../a"}, "a candidate's name has"),
    ],
)
def test_settings_that_cannot_be(wrong: dict[str, str], sentence: str) -> None:
    good = {"name": "a", "url": "http://host/v1", "model_name": "m"}
    ServedCandidateConfig(**good)  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match=sentence) as caught:
        ServedCandidateConfig(**{**good, **wrong})  # type: ignore[arg-type]
    assert "hunter" not in str(caught.value)
    with pytest.raises(ValidationError, match="two candidates are called a"):
        LocalPlatformConfig.model_validate({"served": [good, good]})
