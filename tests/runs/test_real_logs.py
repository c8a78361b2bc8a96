"""Whole runs on real, human-labelled headlines; skipped where the files are not."""

import pytest

from flywheel.ports.backends import Backends
from flywheel.service.logs import import_files
from flywheel.settings import Settings
from flywheel.views import RunView
from tests.support.records import real_file
from tests.support.running import ended, start, until, working

pytestmark = pytest.mark.slow


@pytest.fixture
def run_settings(settings: Settings) -> Settings:
    """With every default candidate on offer."""
    return settings


async def run_on(backends: Backends, workload: str, candidate: str) -> RunView:
    """One candidate on one of the real logs, scored on 1,000 held-out records."""
    log = real_file(f"{workload}.jsonl.gz")
    await import_files(backends.logs, [log], reject_dir=backends.settings.home)
    async with working(backends):
        run = await start(backends, workload_id=workload, eval_size=1000, candidates=[candidate])
        view = await until(backends, run.id, ended, seconds=120)
    assert view.status == "completed", view.error
    return view


async def test_twenty_topics_without_a_leak(backends: Backends) -> None:
    """The best student's score on news_topics, near-duplicates on one side only."""
    view = await run_on(backends, "news_topics", "tfidf-svm")
    scores = view.nims[0].customized
    assert scores is not None
    assert scores.n == 1000
    assert len(scores.per_class) == 20
    assert scores.macro_f1.value >= 0.79
    assert scores.macro_f1.low < scores.macro_f1.value < scores.macro_f1.high
    assert view.dataset_report is not None
    assert view.dataset_report.near_duplicates > 2000


async def test_three_sentiments(backends: Backends) -> None:
    view = await run_on(backends, "news_sentiment", "tfidf-logreg")
    scores = view.nims[0].customized
    assert scores is not None
    assert [c.label for c in scores.per_class] == ["Bearish", "Bullish", "Neutral"]
    assert scores.macro_f1.low > 0.6
