"""While a language model looks things up: one message, which becomes the answer."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlmodel import select

from bot.console.workspace import Posted
from bot.views.answers import RIGHT, STOP, WRONG
from flywheel.db.models import Question
from flywheel.settings import Settings
from flywheel.settings.insights import InsightsConfig
from tests.bot.conftest import SECONDS, Scene, action_ids, scene_in, whispers
from tests.support.scripted_model import KEY, MODEL, ScriptedModel, scripted_model
from tests.support.scripted_turns import call, say, slow

QUESTION = "which model is best in r-1?"
BEST = "{{v:r-1/tfidf-logreg/macro_f1}}"


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    with scripted_model() as served:
        yield served


@pytest.fixture
async def talking(
    quick: Settings, completed_home: Path, model: ScriptedModel
) -> AsyncIterator[Scene]:
    config = InsightsConfig(base_url=model.url, model=MODEL, timeout_seconds=30, max_attempts=1)
    secrets = quick.secrets.model_copy(update={"insights_api_key": SecretStr(KEY)})
    settings = quick.model_copy(
        update={"home": completed_home, "insights_config": config, "secrets": secrets}
    )
    async with scene_in(settings, 0) as opened:
        assert opened.backends.language_model is not None
        await opened.backends.language_model.warm()
        yield opened


async def first_reply(scene: Scene) -> Posted:
    question = await scene.ada.say(scene.channel, QUESTION)
    return await scene.stage.workspace.reply_to(question, SECONDS)


async def kept(scene: Scene) -> Question:
    async with scene.backends.database.reading() as session:
        return (await session.exec(select(Question))).one()


async def test_the_message_that_waits_becomes_the_answer(
    talking: Scene, model: ScriptedModel
) -> None:
    model.play(call("results", run="r-1"), say(f"In r-1 tfidf-logreg is best: {BEST}."))
    reply = await first_reply(talking)
    assert reply.text.endswith("…")
    assert action_ids(reply) == [STOP]
    await talking.stage.bot.inbox.idle()
    assert reply.text.startswith("In r-1 tfidf-logreg is best: macro-F1 1.000 (95 % ")
    assert action_ids(reply) == [RIGHT, WRONG]
    assert reply.edits >= 1
    posted = [c for c in talking.stage.workspace.changes if c.kind == "posted"]
    assert len(posted) == 2, "the question and one message"
    row = await kept(talking)
    assert (row.by, row.model, row.tools[0]["name"]) == ("model", MODEL, "results")


async def test_whoever_asked_may_cut_it_short_and_nobody_else(
    talking: Scene, model: ScriptedModel
) -> None:
    model.play(slow(say("later")))
    reply = await first_reply(talking)
    assert (await talking.ben.press(reply, STOP)).status == 200
    refused = "Only whoever asked can cut the answer short."
    await talking.stage.workspace.wait_for(
        lambda: refused in whispers(talking.stage.workspace.changes) or None, SECONDS
    )
    assert (await talking.ada.press(reply, STOP)).status == 200
    await talking.stage.bot.inbox.idle()
    assert "has the highest macro-F1" in reply.text
    assert (await kept(talking)).by == "reader"


async def test_what_may_not_be_shown_is_answered_by_the_reader_in_its_place(
    talking: Scene, model: ScriptedModel
) -> None:
    model.play(say("It is 0.99."), say("It is surely 0.99."))
    reply = await first_reply(talking)
    await talking.stage.bot.inbox.idle()
    assert "has the highest macro-F1" in reply.text
    assert "0.99." not in reply.text
    row = await kept(talking)
    assert (row.by, row.fell_back) == ("fallback", "rejected")
