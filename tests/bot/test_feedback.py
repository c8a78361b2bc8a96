"""Right and Wrong under every answer, and the answers to a question back."""

from sqlmodel import select

from bot.console.workspace import Posted
from bot.views.answers import CHOICES, NOTE, RIGHT, WRONG, answer
from flywheel.db.models import Question, QuestionFeedback
from flywheel.insights.trace import Trace
from flywheel.service import asked
from flywheel.views import Actor, Answer
from tests.bot.conftest import BEN, SECONDS, Scene, action_ids, shown, whispers


async def answered(scene: Scene, text: str = "which model is best?") -> Posted:
    """The answer to a mention by Ada."""
    question = await scene.ada.say(scene.channel, text)
    reply = await scene.stage.workspace.reply_to(question, SECONDS)
    await scene.stage.bot.inbox.idle()
    return reply


async def said(scene: Scene) -> dict[str, tuple[str, str]]:
    async with scene.backends.database.reading() as session:
        rows = await session.exec(select(QuestionFeedback))
        return {row.actor: (row.verdict, row.note) for row in rows}


async def test_what_people_say_of_an_answer_is_kept_and_may_change(completed_scene: Scene) -> None:
    scene = completed_scene
    reply = await answered(scene)
    assert action_ids(reply) == [RIGHT, WRONG]
    assert "You say that this answer is right." in whispers(
        await scene.press(reply, RIGHT, scene.ben)
    )
    changes = await scene.press(reply, WRONG, scene.ben)
    assert "You now say that this answer is wrong, not right." in whispers(changes)
    assert await said(scene) == {BEN: ("wrong", "")}, "also where the modal is closed"
    (opened,) = scene.stage.workspace.views.values()
    seen = len(scene.stage.workspace.changes)
    assert await scene.ben.submit(opened, {NOTE: "another run <!channel>"}) == {}
    changes = await scene.since(seen)
    assert "your note is kept" in whispers(changes)
    await scene.press(reply, RIGHT, scene.ada)
    assert await said(scene) == {
        BEN: ("wrong", "another run <!channel>"),
        scene.ada.id: ("right", ""),
    }
    posted = [c.message for c in scene.stage.workspace.changes if c.kind == "posted"]
    assert posted == [*posted[:1], reply], "nobody else is told"


async def test_an_answer_that_is_not_kept_any_more_cannot_be_judged(completed_scene: Scene) -> None:
    scene = completed_scene
    reply = await answered(scene)
    async with scene.backends.database.transaction() as session:
        await session.delete((await session.exec(select(Question))).one())
    assert "This question is not kept any more." in whispers(
        await scene.press(reply, RIGHT, scene.ben)
    )


async def test_a_choice_is_asked_once_by_whoever_presses_it(completed_scene: Scene) -> None:
    scene = completed_scene
    bot = scene.stage.bot
    reply = Answer(
        text="Which do you mean?",
        sources=[],
        choices=["which model is best in r-1?", "how many records had r-1?"],
        id=asked.new_id(),
    )
    ada = Actor(id=scene.ada.id, name="ada", origin="slack")
    row = asked.question_row(
        "which?",
        reply,
        ada,
        trace=Trace(),
        seconds=0.1,
        place=None,
        focus_run=None,
        about=(None, []),
    )
    await asked.keep(scene.backends, row)
    parent = await scene.ada.say(scene.channel, "help")
    await bot.inbox.idle()
    ts = await bot.messenger.post(scene.channel, answer(reply), parent.ts)
    message = scene.stage.workspace.find(scene.channel, ts)
    assert action_ids(message) == [*CHOICES[:2], RIGHT, WRONG]
    changes = await scene.press(message, CHOICES[0], scene.ben)
    (found,) = [c.message for c in changes if c.kind == "posted" and c.message is not None]
    assert found.thread_ts == parent.ts
    assert f"<@{BEN}> asked: which model is best in r-1?" in shown(found)
    again = await scene.press(message, CHOICES[1], scene.ada)
    assert [c.kind for c in again] == ["whispered"]
    assert "Somebody has chosen here already." in whispers(again)
    async with scene.backends.database.reading() as session:
        asker = select(Question.actor).where(Question.text == reply.choices[0])
        assert (await session.exec(asker)).one() == BEN
