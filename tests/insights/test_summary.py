"""The outcome in a few sentences."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flywheel.insights.summary import MOST_WORDS, summarise


def test_a_promotion(build: Any) -> None:
    assert summarise(build.finished_run()) == (
        "tfidf-svm can take over news_topics from the teacher. "
        "tfidf-svm reaches the required 0.750; of the 2 that pass it is the cheapest. "
        "Against the teacher it would save 0.25 USD per 1,000 requests (99.8 % of its cost). "
        "Its weakest class is Dividend: F1 0.773 (n 40), most often taken for Earnings (9 of 40). "
        "Next: let an approver promote it, or ask why first."
    )


def _with(build: Any, **changes: object) -> Any:
    run = build.finished_run()
    said = run.recommendation.model_copy(update=changes)
    return run.model_copy(update={"recommendation": said})


def test_the_other_verdicts(build: Any) -> None:
    keep = summarise(_with(build, verdict="keep", saving_per_1000=None))
    assert keep.startswith("Keep the present model for news_topics; no candidate is good enough.")
    assert "save" not in keep
    assert keep.endswith("Next: look at its weakest classes, or train on more records.")
    unclear = summarise(_with(build, verdict="insufficient-data", saving_per_1000=None))
    assert unclear.startswith("There is not enough data to decide on news_topics.")
    assert unclear.endswith("Next: run again with more evaluation records (eval_size).")


def test_runs_without_a_verdict(build: Any) -> None:
    failed = build.finished_run(
        candidates=[build.candidate("tfidf-svm", None, error="It ran out of memory.")],
        recommendation=None,
        status="failed",
        error="Every candidate failed.",
    )
    assert summarise(failed) == (
        "The run of news_topics failed and has no verdict. Every candidate failed. "
        "tfidf-svm: It ran out of memory. "
        "Next: look at what went wrong with flywheel show r-12, then start it again."
    )
    assert "is running" in summarise(build.running_run())


@given(reason=st.text(alphabet="abc .", min_size=1, max_size=2000), failed=st.integers(0, 200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_at_most_120_words(build: Any, reason: str, failed: int) -> None:
    broken = [build.candidate(f"model {i}", None, error="It failed.") for i in range(failed)]
    said = build.finished_run().recommendation.model_copy(update={"reason": reason})
    run = build.finished_run(candidates=broken, recommendation=said)
    text = summarise(run)
    assert len(text.split()) <= MOST_WORDS
    assert text.startswith("tfidf-svm can take over news_topics")
