"""`flywheel ask`, `flywheel insights report`, and old questions in `flywheel gc`."""

import asyncio
import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from flywheel.clock import utc_now
from flywheel.insights.trace import Trace
from flywheel.service import asked
from flywheel.settings import Settings
from flywheel.views import Actor, Answer
from flywheel.wiring import open_backends
from tests.support.programs import flywheel_each
from tests.support.running import settings_of
from tests.support.scored_runs import CLASSES, add_run

BEN = Actor(id="U0BEN00002", name="ben", origin="slack")


def labels(row: int) -> tuple[str, str | None]:
    return CLASSES[row % 3], CLASSES[(row + (row % 4 == 0)) % 3]


async def a_month(settings: Settings, folder: Path) -> None:
    """A run, and questions that were answered in three ways; one is half a year old."""
    wrong = Answer(
        text="It was *svm*.", sources=["flywheel show r-1"], by="model", id=asked.new_id()
    )
    unclear = Answer(text="I do not understand.", sources=[], understood=False)
    model = Trace(model="small", cost=Decimal("0.25"), input_tokens=100, output_tokens=20)
    slow = model.model_copy(update={"fell_back": "slow"})
    given = [
        ("which is best?", wrong, model, 1),
        ("Weather?!", unclear, Trace(), 2),
        ("weather", unclear, slow, 2),
        ("weather", unclear, Trace(), 180),
    ]
    async with open_backends(settings, with_queue=False) as backends:
        await add_run(backends, folder, labels)
        for question, answer, trace, days in given:
            row = asked.question_row(
                question,
                answer.model_copy(update={"id": answer.id or asked.new_id()}),
                BEN,
                trace=trace,
                seconds=0.1 * days,
                place=None,
                focus_run=None,
                about=(None, []),
            )
            row.asked_at = utc_now() - timedelta(days=days)
            await asked.keep(backends, row)
        assert wrong.id is not None
        await asked.say(backends, wrong.id, "wrong", BEN, "it was [red]logreg")


def test_questions_are_answered_reported_on_and_removed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    asyncio.run(a_month(settings_of(home), tmp_path))
    asked_for = (
        ("ask", "which model is best?"),
        ("ask", "status", "--run", "r-1", "--json"),
        ("insights", "report"),
        ("insights", "report", "--days", "365", "--json"),
        ("gc",),
        ("gc", "--remove"),
        ("gc",),
    )
    done = flywheel_each(home, *((words, {}) for words in asked_for))
    assert [one.returncode for one in done] == [0] * len(done), [one.stderr for one in done]
    best, status, told, as_json, before, removed, after = [one.stdout for one in done]
    assert "In r-1 (news) *hashing-sgd* has the highest macro-F1" in best
    assert "See flywheel show r-1" in best
    assert "r-1" in json.loads(status)["text"]

    assert "Questions: 5." in told
    assert "Fell back, slow: 1." in told
    assert "Called right: 0 % (0 % to 79.3 %, n 1)." in told
    assert "Cost: 0.50 USD, 200 tokens in and 40 out." in told
    assert "2 × weather" in told
    assert "note: it was [red]logreg" in told
    report = json.loads(as_json)
    by = [(day["reader"], day["model"], day["fallback"]) for day in report["by_day"]]
    assert by == [(1, 0, 0), (1, 0, 1), (0, 1, 0), (2, 0, 0)]
    assert report["p95_seconds"] == 18.0
    assert report["unclear"] == {"weather": 3}

    assert "Old questions with their answers: 1." in before
    assert "Old questions removed: 1." in removed
    assert "Nothing is left over." in after
