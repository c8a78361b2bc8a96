"""Ask, on the results: the question and its answer go into the run's thread."""

from bot.views.asking import ASK, QUESTION
from tests.bot.conftest import Scene, shown, whispers


async def test_a_question_is_answered_in_the_thread_with_who_asked(completed_scene: Scene) -> None:
    scene = completed_scene
    card = await scene.announced("r-1")
    results = await scene.reply(card, "Results of r-1")
    await scene.press(results, ASK, scene.ben)
    (opened,) = scene.stage.workspace.views.values()
    assert QUESTION in await scene.ben.submit(opened, {QUESTION: "  "})
    seen = len(scene.stage.workspace.changes)
    assert await scene.ben.submit(opened, {QUESTION: "which model is *best*, & why?"}) == {}
    posted = [c.message for c in await scene.since(seen) if c.kind == "posted"]
    assert len(posted) == 1
    assert posted[0] is not None
    assert posted[0].thread_ts == card.ts
    assert "<@U0READER002> asked: which model is *best*, &amp; why?" in shown(posted[0])
    assert "r-1" in shown(posted[0])


async def test_without_a_thread_the_answer_is_for_whoever_asked(completed_scene: Scene) -> None:
    scene = completed_scene
    changes = await scene.command("results r-1", scene.ben)
    private = next(c.message for c in changes if c.kind == "whispered" and c.message is not None)
    await scene.press(private, ASK, scene.ben)
    (opened,) = scene.stage.workspace.views.values()
    seen = len(scene.stage.workspace.changes)
    await scene.ben.submit(opened, {QUESTION: "which model is best?"})
    assert "asked: which model is best?" in whispers(await scene.since(seen))
    assert scene.stage.workspace.messages == []
