"""The page of a run as people see it, for runs of this version and of older ones."""

from datetime import timedelta
from decimal import Decimal
from io import StringIO

from rich.console import Console

from flywheel.cli.drawing import run_page
from flywheel.clock import utc_now
from flywheel.evaluation.scores import Scores
from flywheel.views import IncumbentView, RunView
from tests.bot.strategies import candidate, run_view, scores_of

MEASURED_SINCE = {
    "balanced_accuracy": 0.871,
    "token_f1": 0.903,
    "seconds_p50": 0.0011,
    "seconds_p95": 0.0047,
    "seconds_p99": 0.0092,
    "cost_per_correct": Decimal("0.0000043"),
    "absent_classes": ["Bonds | Rates", "[red]IPO[/]"],
    "unparseable": 8,
}


def page(view: RunView) -> str:
    """What is printed in 80 columns."""
    out = StringIO()
    run_page(Console(file=out, width=80, highlight=False), view)
    return out.getvalue()


def scored(scores: Scores) -> RunView:
    return run_view(candidates=(candidate("tfidf-svm").model_copy(update={"customized": scores}),))


def test_a_run_of_this_version() -> None:
    text = page(scored(scores_of(0.9).model_copy(update=MEASURED_SINCE)))
    heading = next(line for line in text.splitlines() if line.startswith("candidate"))
    assert heading.split()[-3:] == ["time", "p95", "USD/1,000"]
    assert "4.7 ms" in text
    assert "balanced accuracy 0.871" in text
    assert "token F1 0.903 (word overlap, NeMo's f1: not a class F1)" in text
    assert "p50 1.1 ms, p99 9.2 ms" in text
    assert "0.0043 USD per 1,000 right answers" in text
    assert "evaluation records: Bonds | Rates, [red]IPO[/]" in text
    assert "8 answers (2 %) had no readable label." in text
    assert "…" not in text


def test_a_run_of_an_older_version() -> None:
    text = page(scored(scores_of(0.9)))
    heading = next(line for line in text.splitlines() if line.startswith("candidate"))
    assert heading.split()[-2:] == ["time", "USD/1,000"]
    assert "0.900 (0.870–0.930)" in text
    for absent in ("p95", "p50", "balanced", "token F1", "right answers", "None", "lack of"):
        assert absent not in text


def test_what_a_run_waits_for_and_when_it_should_end() -> None:
    now = utc_now()
    view = run_view(status="running")
    waits = view.steps[1].model_copy(
        update={
            "status": "pending",
            "message": "waits for room, 2 before it",
            "expected_start": now + timedelta(minutes=20, seconds=2),
        }
    )
    end = now + timedelta(hours=1, seconds=20)
    view = view.model_copy(update={"steps": [view.steps[0], waits], "expected_end": end})
    text = page(view)
    assert (
        f"{waits.candidate} {waits.kind} waits for room, 2 before it; it should start in about "
        "20 min ("
    ) in text
    assert "The run should end in about 1 h (" in text
    assert "should" not in page(run_view(status="running"))


def test_the_incumbent_stands_under_the_same_headings() -> None:
    scores = scores_of(0.9, cost=Decimal("0.00123")).model_copy(update=MEASURED_SINCE)
    view = scored(scores).model_copy(
        update={"compared": IncumbentView(name="old (r-1)", scores=scores)}
    )
    lines = page(view).splitlines()
    one, other = (next(line for line in lines if line.startswith(n)) for n in ("tfidf", "old"))
    assert one.split()[-2:] == other.split()[-2:]
