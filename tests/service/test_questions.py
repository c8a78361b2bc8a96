"""What is kept of questions, what was said before, and what people say of answers."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlmodel import col, select, update

from flywheel.clock import utc_now
from flywheel.db.models import Question, QuestionFeedback
from flywheel.errors import NotFoundError
from flywheel.insights.budget import Limits, over_budget
from flywheel.insights.trace import ToolCall, Trace
from flywheel.ports.backends import Backends
from flywheel.service import asked
from flywheel.service.questions import ask
from flywheel.settings import Settings
from flywheel.settings.access import AccessConfig
from flywheel.settings.load import load_settings
from flywheel.views import Actor, Answer, Place
from flywheel.wiring import open_backends
from tests.support.scored_runs import CLASSES, add_run
from tests.support.scripted_model import KEY, MODEL, scripted_model
from tests.support.scripted_turns import call, say

ANN = Actor(id="U0ANN00001", name="ann", origin="slack")
BEN = Actor(id="U0BEN00002", name="ben", origin="slack")
THREAD = Place(team="T1", channel="C1", thread="1.5")
ALONE = Place(team="T1", channel="D1")


def labels(row: int) -> tuple[str, str | None]:
    return CLASSES[row % 3], CLASSES[(row + (row % 20 == 0)) % 3]


@pytest.fixture
async def backends(
    settings: Settings, tmp_path: Path, database_url: str
) -> AsyncIterator[Backends]:
    changed = {
        "access_config": AccessConfig(workloads={"takeovers": [ANN.id]}),
        "secrets": settings.secrets.model_copy(update={"database_url": SecretStr(database_url)}),
    }
    limited = settings.model_copy(update=changed)
    async with open_backends(limited, with_queue=False) as opened:
        for workload in ("news", "takeovers", "news"):
            await add_run(opened, tmp_path, labels, workload_id=workload)
        yield opened


async def rows(backends: Backends) -> list[Question]:
    async with backends.database.reading() as session:
        return list(await session.exec(select(Question).order_by(col(Question.asked_at))))


async def test_an_answer_is_kept_with_all_that_led_to_it(backends: Backends) -> None:
    found = await ask(backends, "which model is best?\x00\ud800", ANN, "r-1", THREAD)
    (row,) = await rows(backends)
    assert (row.id, row.actor, row.origin, row.place) == (found.id, ANN.id, "slack", "T1/C1/1.5")
    assert (row.text, row.answer, row.sources) == (
        "which model is best??",
        found.text,
        found.sources,
    )
    assert (row.focus_run, row.run, row.models) == ("r-1", "r-1", ["hashing-sgd"])
    assert (row.by, row.fell_back, row.model, row.tools) == ("reader", None, None, [])
    assert row.understood
    assert not row.refused
    assert 0 < row.seconds < 10
    assert row.limited_to == []


async def test_what_not_everybody_sees_marks_an_answer_that_speaks_of_it(
    backends: Backends,
) -> None:
    for question in ("which model is best for takeovers?", "which model is best?", "runs"):
        found = await ask(backends, question, ANN)
        assert "takeovers" in found.text
        assert found.limited_to == ["takeovers"]
        assert (await ask(backends, question, BEN)).limited_to == []
    assert (await ask(backends, "which model is best in r-1?", ANN)).limited_to == []


async def test_an_answer_does_not_wait_for_a_database_that_others_hold(
    backends: Backends, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if not backends.database.is_sqlite:
        pytest.skip("PostgreSQL lets one write while others do")
    holder = sqlite3.connect(tmp_path / "flywheel.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    found = await asyncio.wait_for(ask(backends, "which model is best?", BEN), 10)
    assert "hashing-sgd" in found.text
    holder.execute("ROLLBACK")
    holder.execute("DROP TABLE question_feedback")
    holder.execute("DROP TABLE question")
    holder.close()
    again = await ask(backends, "which model is best?", BEN)
    assert (again.text, again.id) == (found.text, None)
    assert f"the question of {BEN.id} could not be kept" in caplog.text


async def test_follow_ups_go_back_to_what_was_said_in_the_same_place(backends: Backends) -> None:
    first = await ask(backends, "how good is hashing sgd in r-1?", BEN, None, ALONE)
    again = await ask(backends, "and how fast is it?", BEN, None, ALONE)
    assert again.text == (await ask(backends, "how fast is hashing-sgd in r-1?", BEN)).text
    assert first.text != again.text
    elsewhere = await ask(
        backends, "and how fast is it?", BEN, None, ALONE.model_copy(update={"channel": "D2"})
    )
    assert "r-3" in elsewhere.text, "where nothing was said it is the newest run"
    plain = await ask(backends, "which model is best?", BEN, None, ALONE)
    assert "r-3" in plain.text, "a question that goes back to nothing is about the newest run"


async def test_only_what_somebody_could_read_is_gone_back_to(backends: Backends) -> None:
    for number in range(8):
        await ask(backends, f"status of r-1, {number}", ANN, None, THREAD)
    await ask(backends, "which model is best for takeovers?", ANN, None, THREAD)
    mine, others = [await asked.history(backends, who, THREAD) for who in (ANN, BEN)]
    assert "takeovers" in mine[-1].question
    assert [turn.question for turn in others][-1] == "status of r-1, 7"
    for turns in (mine, others):
        assert len(turns) <= 6
        assert sum(len(turn.question) + len(turn.answer) for turn in turns) <= 2000
    assert await asked.history(backends, BEN, ALONE) == []
    assert await asked.history(backends, BEN, None) == []
    async with backends.database.transaction() as session:
        yesterday = utc_now() - timedelta(hours=25)
        await session.exec(update(Question).values(asked_at=yesterday))
    assert await asked.history(backends, ANN, THREAD) == []


async def test_what_a_person_says_last_of_an_answer_counts(backends: Backends) -> None:
    found = await ask(backends, "which model is best?", ANN)
    assert found.id is not None
    assert await asked.say(backends, found.id, "right", BEN) is None
    assert await asked.say(backends, found.id, "wrong", BEN) == "right"
    assert await asked.say(backends, found.id, "wrong", BEN, "another run") == "wrong"
    assert await asked.say(backends, found.id, "right", ANN) is None
    async with backends.database.reading() as session:
        said = {row.actor: row for row in await session.exec(select(QuestionFeedback))}
    assert {who: (row.verdict, row.note) for who, row in said.items()} == {
        BEN.id: ("wrong", "another run"),
        ANN.id: ("right", ""),
    }
    with pytest.raises(NotFoundError):
        await asked.say(backends, "0" * 24, "right", BEN)


async def test_one_of_the_answers_to_a_question_back_is_chosen_once(backends: Backends) -> None:
    reply = Answer(text="Which?", sources=[], choices=["A?", "B?"], id=asked.new_id())
    assert reply.id is not None
    await asked.keep(backends, row_of(reply))
    chosen = await asyncio.gather(
        *(asked.choose(backends, reply.id, number, BEN) for number in (0, 1, 1))
    )
    assert len([one for one in chosen if one is not None]) == 1
    number = next(n for n, one in zip((0, 1, 1), chosen, strict=True) if one is not None)
    again = await asked.choose(backends, reply.id, number, BEN, again=True)
    assert again is not None
    assert again.question == reply.choices[number]
    with pytest.raises(NotFoundError):
        await asked.choose(backends, reply.id, 7, ANN)


async def test_old_questions_are_removed_with_what_was_said_of_them(backends: Backends) -> None:
    found = await ask(backends, "which model is best?", ANN)
    assert found.id is not None
    await asked.say(backends, found.id, "wrong", BEN)
    kept = timedelta(days=backends.settings.questions_config.keep_days)
    assert await asked.forget_old(backends, utc_now() + kept - timedelta(hours=1)) == 0
    assert await asked.forget_old(backends, utc_now() + kept + timedelta(hours=1)) == 1
    async with backends.database.reading() as session:
        assert list(await session.exec(select(QuestionFeedback))) == []


async def test_the_days_use_of_a_language_model_is_counted(backends: Backends) -> None:
    await ask(backends, "which model is best?", BEN)
    for actor, cost, fell_back in ((BEN, "0.10", None), (BEN, "0.20", "slow"), (ANN, "0.30", None)):
        trace = Trace(
            model="small",
            cost=Decimal(cost),
            fell_back=fell_back,
            tools=[ToolCall(name="runs", arguments={"workload": "news"})],
        )
        await asked.keep(backends, row_of(Answer(text="x", sources=[]), actor, trace))
    used = await asked.used_today(backends, BEN)
    assert (used.questions, used.cost) == (2, Decimal("0.60"))
    assert (await asked.used_today(backends, BEN, utc_now() + timedelta(days=1))).questions == 0
    assert over_budget(Limits(), used) is None
    assert over_budget(Limits(questions_per_user=3, cost_per_day=Decimal("0.61")), used) is None
    said = over_budget(Limits(questions_per_user=2), used)
    assert said is not None
    assert "2 of your questions have gone to it today" in said
    spent = over_budget(Limits(cost_per_day=Decimal("0.6")), used)
    assert spent is not None
    assert "budget" in spent


def row_of(answer: Answer, actor: Actor = BEN, trace: Trace | None = None) -> Question:
    return asked.question_row(
        "which?",
        answer.model_copy(update={"id": answer.id or asked.new_id()}),
        actor,
        trace=trace or Trace(),
        seconds=0.1,
        place=None,
        focus_run=None,
        about=(None, []),
    )


async def test_over_the_budget_the_reader_answers_and_says_so(
    settings: Settings, tmp_path: Path
) -> None:
    with scripted_model() as model:
        model.play(call("log"), say("The run is there."))
        environ = {
            "FLYWHEEL_HOME": str(settings.home),
            "FLYWHEEL_INSIGHTS_CONFIG__BASE_URL": model.url,
            "FLYWHEEL_INSIGHTS_CONFIG__MODEL": MODEL,
            "FLYWHEEL_INSIGHTS_CONFIG__QUESTIONS_PER_USER": "1",
            "FLYWHEEL_INSIGHTS_API_KEY": KEY,
        }
        async with open_backends(load_settings(environ=environ), with_queue=False) as backends:
            await add_run(backends, tmp_path, labels)
            first, second = [await ask(backends, "is the run there?", BEN) for _ in range(2)]
            assert (first.by, first.text) == ("model", "The run is there.")
            assert second.by == "reader"
            assert second.text.endswith("1 of your questions have gone to it today, and 1 may.")
            kept = [(row.by, row.fell_back, row.model) for row in await rows(backends)]
            assert kept == [("model", None, MODEL), ("fallback", "over budget", None)]
