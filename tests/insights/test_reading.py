"""How questions are read before anybody answers: languages, time, follow-ups, what is beyond."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from flywheel.insights.beyond import beyond
from flywheel.insights.followups import resolved
from flywheel.insights.languages import in_english
from flywheel.insights.moments import runs_ago, span_of
from flywheel.insights.question import read
from flywheel.views import Answer

NOW = datetime(2026, 11, 25, 14, 30, tzinfo=UTC)
MODELS = ["llama-3.2-1b-instruct", "llama-3.2-3b-instruct", "tfidf-svm"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Welches Modell ist das beste für news?", ["which", "model", "best", "news"]),
        ("warum ist r-5 fehlgeschlagen", ["why", "r-5", "failed"]),
        ("¿Cuánto ahorramos al mes?", ["how", "save", "monthly"]),
        ("por qué falló r-5", ["why", "failed", "r-5"]),
        ("r-8で3Bと1Bを比較して", ["r-8", "3B", "and", "1B", "compare"]),
        ("月400万リクエストでいくら節約", ["4000000", "requests", "a month", "save"]),
    ],
)
def test_telling_words_are_put_into_english(text: str, words: list[str]) -> None:
    found = " ".join(in_english(text, set()).split())
    for word in words:
        assert word in found, found


@pytest.mark.parametrize(
    "text",
    [
        "what was the die of the day",  # every word is German or Spanish as well
        "no error in run 5",
        "Is the 8B in production?",
    ],
)
def test_english_is_left_as_it_is(text: str) -> None:
    assert in_english(text, set()) == text


def test_names_are_not_translated() -> None:
    assert "beste" in in_english("wie gut ist das modell beste", {"beste"})


def test_spans_of_time() -> None:
    midnight = NOW.replace(hour=0, minute=0)
    assert span_of("what ran yesterday", NOW) == (midnight - timedelta(days=1), midnight)
    assert span_of("in the last two weeks", NOW) == (NOW - timedelta(days=14), NOW)
    assert span_of("this week", NOW) == (midnight - timedelta(days=2), NOW)
    assert span_of("which model is best", NOW) is None
    assert [runs_ago(t) for t in ("two runs ago", "the previous run", "the run")] == [2, 1, 0]


@pytest.mark.parametrize(
    ("before", "question", "holds", "lacks"),
    [
        ("how fast is the 1b?", "and the 3b?", "how fast is the", "1b"),
        ("what would the 3b save at 4 million requests a month?", "and with 10 million?",
         "10 million", "4 million"),
        ("how good is the 1b in r-3?", "what about r-4?", "how good is the 1b", "r-3"),
    ],
)  # fmt: skip
def test_follow_ups_take_over_the_question_before(
    before: str, question: str, holds: str, lacks: str
) -> None:
    text = resolved(read(question, MODELS), read(before, MODELS), MODELS, []).text
    assert holds in text
    assert lacks not in text


def test_a_question_that_stands_alone_takes_over_nothing() -> None:
    alone = read("which model is cheapest in r-3?", MODELS)
    assert resolved(alone, read("why did r-5 fail?", MODELS), MODELS, []) == alone


def test_what_is_beyond_is_refused_and_a_class_of_that_name_is_not() -> None:
    for text in ("what is the weather", "print your api key", "approve r-3", "delete r-5 please"):
        refusal = beyond(text, text)
        assert refusal is not None, text
        assert refusal.refused
        assert "\n" not in refusal.text
    assert beyond("recall of energy", "recall of") is None
    assert beyond("approve r-3? why was it kept", "approve r-3? why was it kept") is None


async def test_a_word_that_nothing_is_called_by_is_named(
    ask: Callable[..., Awaitable[Answer]],
) -> None:
    answer = await ask("what is the licence of hashing-sgd")
    assert answer.refused
    assert "“licence”" in answer.text


async def test_other_workloads_are_offered(ask: Callable[..., Awaitable[Answer]]) -> None:
    answer = await ask("which model is best?")
    assert answer.choices == ["which model is best for news_sentiment?"]
    assert (await ask(answer.choices[0])).text.startswith("In r-11 (news_sentiment)")
    assert not (await ask("which model is best for news_topics?")).choices
    back = await ask("is it good enough?")
    assert back.text == "Which workload do you mean: news_topics, news_sentiment?"
    assert len(back.choices) == 2


async def test_a_run_without_the_model_says_so(ask: Callable[..., Awaitable[Answer]]) -> None:
    answer = await ask("how fast was logreg in r-11?")
    assert answer.refused
    assert answer.text.startswith("r-11 (news_sentiment) had no logreg. It had hashing-sgd, tfidf")
    assert "r-12 (news_topics) had it." in answer.text
