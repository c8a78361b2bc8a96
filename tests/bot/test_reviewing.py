"""People judge in a modal: blind, one record at a time, and what they said can be taken back."""

import asyncio
from dataclasses import replace

from sqlmodel import col, select

from bot.console.limits import texts
from bot.console.person import Person
from bot.console.workspace import OpenView
from bot.views.review import MORE, NEITHER, REVIEW, UNDO, A, B
from flywheel.db.models import Review
from flywheel.service.runs import get_run
from tests.bot.conftest import Scene, action_ids, whispers


def said(opened: OpenView) -> str:
    return "\n".join(texts(opened.view["blocks"]))


async def press(
    scene: Scene, opened: OpenView, action_id: str, by: Person, option: str = ""
) -> None:
    block = "undo" if action_id == UNDO else "answer"
    await by.press_in(opened, block, action_id, option)
    await scene.stage.bot.inbox.idle()


async def stored(scene: Scene) -> list[tuple[int, str, str]]:
    async with scene.backends.database.reading() as session:
        rows = await session.exec(select(Review).order_by(col(Review.id)))
        return [(r.row, r.judgement, r.reviewer) for r in rows]


async def opened_by(scene: Scene, command: str, by: Person) -> OpenView:
    changes = await scene.command(command, by)
    opened = [c.view for c in changes if c.kind == "view-opened"]
    assert opened, whispers(changes)
    assert opened[0] is not None
    return opened[0]


async def test_a_review_from_the_results_is_blind_and_can_be_undone(
    completed_scene: Scene,
) -> None:
    scene = completed_scene
    card = await scene.announced("r-1")
    results = await scene.reply(card, "Results of r-1")
    assert REVIEW in action_ids(results)
    await scene.press(results, REVIEW, scene.ben)
    (opened,) = scene.stage.workspace.views.values()
    first = said(opened)
    assert "0 of 100 judged by you, 0 by anybody" in first
    view = await get_run(scene.backends, "r-1")
    assert view.teacher is not None
    teacher = view.teacher.model_name
    assert teacher not in first

    await press(scene, opened, A, scene.ben)
    second = said(opened)
    assert "1 of 100 judged by you, 1 by anybody" in second
    assert "you said that" in second
    assert f"the teacher (`{teacher}`)" in second
    await press(scene, opened, MORE, scene.ben, "I cannot say")
    assert "you said that it is unclear" in said(opened)
    await press(scene, opened, UNDO, scene.ben)
    assert said(opened) == second, "the record that was taken back is asked again"
    await press(scene, opened, NEITHER, scene.ben)
    assert "you said that neither is right" in said(opened)
    rows = await stored(scene)
    assert [judgement for _, judgement, _ in rows[1:]] == ["unclear", "withdrawn", "neither"]
    assert len({row for row, _, _ in rows[1:]}) == 1
    await scene.until_text(results, "audited by 1 person on 2 records")


async def test_a_double_click_answers_one_record(completed_scene: Scene) -> None:
    scene = completed_scene
    opened = await opened_by(scene, "review last", scene.ada)
    stale = replace(opened)
    await asyncio.gather(
        scene.ada.press_in(stale, "answer", A), scene.ada.press_in(stale, "answer", B)
    )
    await scene.stage.bot.inbox.idle()
    assert len(await stored(scene)) == 1
    assert "1 of 100 judged by you" in said(opened)
    await scene.ada.press_in(stale, "answer", B)
    changes = await scene.since(0)
    assert whispers(changes) == ""
    assert len(await stored(scene)) == 1


async def test_several_judge_at_once_and_see_how_far_they_agree(completed_scene: Scene) -> None:
    scene = completed_scene
    hers = await opened_by(scene, "review", scene.ada)
    his = await opened_by(scene, "review r-1", scene.ben)
    await press(scene, hers, NEITHER, scene.ada)
    for _ in range(4):  # the fourth is one that somebody else has judged
        await press(scene, his, NEITHER, scene.ben)
    assert "4 of 100 judged by you, 4 by anybody" in said(his)
    assert "people agree on 100 % of what several of them judged (n 1)" in said(his)


async def test_a_review_of_what_cannot_be_judged_is_explained(completed_scene: Scene) -> None:
    scene = completed_scene
    told = whispers(await scene.command("review r-1 hashing"))
    assert "r-1 has no candidate 'hashing'." in told
    opened = await opened_by(scene, "review", scene.ada)
    scene.stage.workspace.close_view(opened.id)
    await press(scene, opened, A, scene.ada)
    assert len(await stored(scene)) == 1, "an answer counts also where the modal is closed by then"
