"""The middle of a summary by a language model: verdict and next step stay code's."""

import json
from collections.abc import AsyncIterator, Iterator

import pytest
from pydantic import SecretStr

from flywheel.adapters.language_model import OpenAILanguageModel
from flywheel.insights.summary import MOST_WORDS, summarise
from flywheel.insights.voice import Voice
from flywheel.insights.worded_summary import worded_summary
from flywheel.settings.insights import InsightsConfig
from tests.insights.conftest import finished_run
from tests.support.scripted_model import KEY, MODEL, ScriptedModel, scripted_model
from tests.support.scripted_turns import Turn, say, slow, status

RUN = finished_run()
FIRST = "tfidf-svm can take over news_topics from the teacher."
LAST = "Next: let an approver promote it, or ask why first."
GOOD = (
    "tfidf-svm reaches {{v:r-12/tfidf-svm/macro_f1}} and saves "
    "{{v:r-12/tfidf-svm/saving_per_1000}}; it is weakest in Dividend, F1 "
    "{{v:r-12/tfidf-svm/class/Dividend/f1}}, which it takes for Earnings."
)


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    with scripted_model() as served:
        yield served


@pytest.fixture
async def voice(model: ScriptedModel) -> AsyncIterator[Voice]:
    config = InsightsConfig(base_url=model.url, model=MODEL, timeout_seconds=1.0, max_attempts=1)
    open_model = OpenAILanguageModel(config, SecretStr(KEY))
    await open_model.warm()
    yield Voice(open_model, "You write.", "summarise_run", "d" * 64, 1.0)
    await open_model.close()


async def test_the_model_words_what_is_between_verdict_and_next_step(
    model: ScriptedModel, voice: Voice
) -> None:
    model.play(say(GOOD))
    text = await worded_summary(voice, RUN)
    assert text.startswith(f"{FIRST} tfidf-svm reaches macro-F1 0.874 (95 % 0.844–0.904, n 400)")
    assert "F1 0.773 (n 40), which it takes for Earnings." in text
    assert text.endswith(LAST)
    assert len(text.split()) <= MOST_WORDS
    told = json.loads(model.requests[0].question)
    assert told["model"] == "tfidf-svm"
    assert told["words"] == MOST_WORDS - len(f"{FIRST} {LAST}".split())


@pytest.mark.parametrize(
    "turn",
    [
        say("It reaches 0.91."),
        say("You should promote it."),
        say("It is safe to use."),
        say("hashing-sgd has {{v:r-12/tfidf-svm/macro_f1}}."),
        say("word " * 200),
        say("See https://evil.example"),
        say(""),
        slow(say(GOOD)),
        status(500),
    ],
)
async def test_what_may_not_be_shown_is_written_by_code(
    model: ScriptedModel, voice: Voice, turn: Turn
) -> None:
    model.play(turn)
    assert await worded_summary(voice, RUN) == summarise(RUN)


async def test_without_a_model_or_a_verdict_code_writes_it() -> None:
    assert await worded_summary(None, RUN) == summarise(RUN)
