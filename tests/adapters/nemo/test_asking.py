"""Asking candidates through the NIM proxy, where one template does not fit all rows."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from flywheel.adapters.nemo.ask import Answers
from tests.adapters.nemo.conftest import MakePlatform
from tests.support.nemo_double import NemoDouble
from tests.support.nemo_jobs import EVAL, SMALL, Run, classified, datasets

pytestmark = pytest.mark.slow

CHAT = "POST /nim/v1/chat/completions"


def mixed(text: str, label: str, number: int) -> dict[str, Any]:
    """Every second request wants another temperature; none has the same length."""
    return classified(text, label, number, temperature=number % 2, max_tokens=100 + number)


@pytest.fixture
def various(double: NemoDouble, make_platform: MakePlatform, tmp_path: Path) -> Run:
    """A run whose requests differ."""
    double.world.durations.answer = 1.0
    platform = make_platform(concurrent_requests=4)
    return Run(platform, double, datasets(tmp_path / "data", mixed), "fw-0123456789ab")


async def test_every_row_is_asked_as_it_was_logged(various: Run, double: NemoDouble) -> None:
    await various.ready()
    job = various.evaluate()
    status = await various.done(job)
    assert status.message == "asked through the NIM proxy"
    assert double.world.made("evaluation") == []
    assert sorted(one["max_tokens"] for one in double.world.asked) == [
        100 + 140 + number for number in range(EVAL)
    ]
    assert {one["temperature"] for one in double.world.asked} == {0, 1}
    assert double.world.most_at_once == 4
    rows = await various.platform.predictions(job)
    assert all(row.seconds > 0.01 and row.input_tokens for row in rows)


async def test_answers_that_are_there_are_not_asked_for_again(
    various: Run, double: NemoDouble, make_platform: MakePlatform
) -> None:
    await various.ready()
    job = various.evaluate()
    await various.platform.start(job)
    await various.until(job, lambda s: s.percent > 30)
    await various.platform.close()  # this worker is gone
    various.platform = make_platform(concurrent_requests=4)
    assert (await various.ended(job)).state == "completed"
    assert EVAL <= len(double.world.asked) <= EVAL + 8  # those that were under way


async def test_a_broken_line_is_no_answer(various: Run) -> None:
    await various.ready()
    job = various.evaluate()
    await various.done(job)
    path = various.platform._book.answers(job)
    cut(path)
    answers = await Answers(path).read()
    assert sorted(answers) == sorted({*range(EVAL)} - {missing(answers)})
    await Answers(path).add([answers[0].model_copy(update={"row": missing(answers)})])
    assert len(await Answers(path).read()) == EVAL  # the half line does not spoil the next


def cut(path: Path) -> None:
    """As a crash leaves a file: its last line is half there."""
    path.write_bytes(path.read_bytes()[:-20])


def missing(answers: Mapping[int, Any]) -> int:
    """The row that has no answer."""
    (row,) = {*range(EVAL)} - set(answers)
    return row


@pytest.mark.parametrize("kind", ["drop", "hang", "status"])
async def test_faults_are_borne(
    various: Run, double: NemoDouble, make_platform: MakePlatform, kind: str
) -> None:
    await various.ready()
    various.platform = make_platform(answer_timeout_seconds=0.3)
    for number in range(8):
        double.fault(CHAT, kind, skip=4 * number, status=503)
    assert (await various.done(various.evaluate())).state == "completed"
    assert len(await various.platform.predictions(various.evaluate())) == EVAL


async def test_a_refused_request_is_a_wrong_answer(various: Run, double: NemoDouble) -> None:
    await various.ready()
    double.fault(CHAT, "status", times=3, status=400, detail="the prompt is too long")
    assert (await various.done(various.evaluate())).state == "completed"
    rows = await various.platform.predictions(various.evaluate())
    assert [row.answer for row in rows].count("") == 3


async def test_where_all_are_refused_the_evaluation_fails(various: Run, double: NemoDouble) -> None:
    await various.ready()
    double.fault(CHAT, "status", times=10**6, status=400, detail="no such parameter")
    status = await various.done(various.evaluate())
    assert status.error == f"NeMo refuses an answer of {SMALL} (400): no such parameter."


async def test_asking_ends_where_another_worker_cancels_it(
    various: Run, double: NemoDouble, make_platform: MakePlatform
) -> None:
    await various.ready()
    double.world.durations.answer = 50.0  # a second of ours
    job = various.evaluate()
    await various.platform.start(job)
    await various.until(job, lambda _: bool(double.world.asked))
    assert await make_platform().cancel(job)
    async with asyncio.timeout(5):
        while various.platform._background.works_for(job.name):
            await asyncio.sleep(0.01)
    assert 0 < len(double.world.asked) < EVAL
    assert (await various.platform.poll(job)).state == "cancelled"


async def test_asking_can_be_cancelled(various: Run, double: NemoDouble) -> None:
    await various.ready()
    job = various.evaluate()
    await various.platform.start(job)
    await various.until(job, lambda s: s.percent > 0)
    assert await various.platform.cancel(job)
    asked = len(double.world.asked)
    assert (await various.platform.poll(job)).state == "cancelled"
    assert asked < EVAL
