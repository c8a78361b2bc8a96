"""From `/flywheel run` to a rollback, through Bolt, with signed requests and a real worker."""

import asyncio

import pytest
from sqlmodel import select

from bot.console.workspace import OpenView
from bot.views.card import CANCEL, RETRY
from bot.views.decision import MODEL, REASON
from bot.views.results import APPROVE, REJECT
from flywheel.clock import utc_now
from flywheel.db.models import Approval
from flywheel.errors import ConflictError
from flywheel.runs.advance import advance
from flywheel.service.approvals import decide_approval
from flywheel.service.promotions import incumbents
from flywheel.service.runs import get_run, retry_run
from flywheel.views import Actor
from tests.bot.conftest import (
    SECONDS,
    Scene,
    action_ids,
    deciding,
    shown,
    whispers,
)

RUN = "run news eval_size=150 seed=3"
SHORT_RUN = f"{RUN} candidates=tfidf-svm"
WHY = "clear of the limit, and far cheaper"


@pytest.mark.slow
async def test_a_run_is_followed_decided_on_and_rolled_back(working_scene: Scene) -> None:
    scene = working_scene
    card = await scene.card(RUN)
    assert "Run r-1 · news" in shown(card)
    assert action_ids(card) == [CANCEL]

    results = await scene.reply(card, "Results of r-1")
    await scene.until_text(card, "The results are in the thread.")
    assert card.edits >= 1
    assert action_ids(card) == []
    assert results.broadcast
    assert deciding(results) == [APPROVE, REJECT]
    thread = scene.stage.workspace.thread(card.channel, card.ts)[1:]
    assert len({m.text for m in thread}) == len(thread), "a milestone was posted twice"
    assert sum("was trained" in m.text or "trained" in m.text for m in thread) >= 2

    asked = await scene.ada.say(scene.channel, "which model is best?", card.ts)
    assert "r-1" in shown(await scene.stage.workspace.reply_to(asked, SECONDS))

    told = whispers(await scene.press(results, APPROVE, scene.ben))
    assert "ben may not decide on promotions of news.\\nThese may: <@U0APPROVE01>." in told
    assert scene.stage.workspace.views == {}

    opened = await _open(scene, results)
    assert REASON in await scene.ada.submit(opened, {REASON: "   "})
    seen = len(scene.stage.workspace.changes)
    assert await scene.ben.submit(opened, {REASON: WHY}) == {}
    assert "These may: <@U0APPROVE01>" in whispers(await scene.since(seen))
    assert await incumbents(scene.backends) == []

    opened, late = await _open(scene, results), await _open(scene, results)
    assert await scene.ada.submit(opened, {REASON: WHY}) == {}
    await scene.until_text(results, "*Decided:*")
    assert deciding(results) == []
    assert "by ada" in shown(results)
    assert WHY in shown(results)
    promoted = await incumbents(scene.backends)
    assert [(p.workload_id, p.reason, p.approved_by) for p in promoted] == [
        ("news", WHY, scene.ada.id)
    ]
    await scene.reply(card, f"{promoted[0].model_name} was promoted")

    seen = len(scene.stage.workspace.changes)
    assert await scene.ada.submit(late, {REASON: "me too"}) == {}
    assert "already approved by <@U0APPROVE01>" in whispers(await scene.since(seen))

    refused = whispers(await scene.command("rollback news nothing wrong", scene.ben))
    assert "These may: <@U0APPROVE01>." in refused
    changes = await scene.command("rollback news it was only a test")
    public = [c.message.text for c in changes if c.kind == "posted" and c.message is not None]
    assert any("Serving now: the teacher" in text for text in public)
    await scene.until_text(results, "was rolled back by ada")
    assert await incumbents(scene.backends) == []


async def _open(scene: Scene, results: object) -> OpenView:
    before = set(scene.stage.workspace.views)
    await scene.press(results, APPROVE, scene.ada)  # type: ignore[arg-type]
    (new,) = set(scene.stage.workspace.views) - before
    opened = scene.stage.workspace.views[new]
    assert any(b.get("block_id") == MODEL for b in opened.view["blocks"])
    return opened


async def test_decisions_made_elsewhere_reach_the_message(completed_scene: Scene) -> None:
    scene = completed_scene
    card = await scene.announced("r-1")
    results = await scene.reply(card, "Results of r-1")
    view = await get_run(scene.backends, "r-1")
    assert view.approval_id is not None
    shell = Actor(id="cli:root", name="root", origin="cli")
    asked = await scene.command("results r-1", scene.ben)
    private = next(c.message for c in asked if c.kind == "whispered" and c.message is not None)
    assert deciding(private) == [APPROVE, REJECT]

    await decide_approval(scene.backends, view.approval_id, False, shell, "not this week")
    await scene.until_text(results, "rejected by root")
    assert deciding(results) == []
    assert "not this week" in shown(results)
    await scene.reply(card, "The promotion was rejected by root")

    told = whispers(await scene.press(private, REJECT, scene.ada))
    assert "This has been decided already." in told
    assert deciding(private) == [], "the private copy keeps no stale button"


@pytest.mark.slow
async def test_a_run_is_cancelled_from_its_card(working_scene: Scene) -> None:
    scene = working_scene
    card = await scene.card(SHORT_RUN)
    told = whispers(await scene.press(card, CANCEL, scene.ben))
    assert "r-1 is being cancelled." in told
    await scene.until_text(card, "Cancelled")
    assert action_ids(card) == [RETRY]
    await scene.reply(card, "The run was cancelled")

    changes = await scene.press(card, RETRY, scene.ben)
    again = next(c.message for c in changes if c.kind == "posted" and c.message is not None)
    assert "Run r-2" in shown(again)
    await scene.reply(again, "Results of r-2")
    first, second = [await get_run(scene.backends, run) for run in ("r-1", "r-2")]
    assert (second.seed, second.requested_by) == (first.seed, "U0READER002")
    assert [c.model_name for c in second.nims] == [c.model_name for c in first.nims]
    assert "r-2 is completed." in await _refused_retry(scene)


async def _refused_retry(scene: Scene) -> str:
    shell = Actor(id="cli:root", name="root", origin="cli")
    with pytest.raises(ConflictError) as caught:
        await retry_run(scene.backends, "r-2", shell)
    return caught.value.message


@pytest.mark.slow
async def test_a_failed_run_says_why_and_is_started_again(quiet_scene: Scene) -> None:
    scene = quiet_scene  # too few records, and no worker: the first look fails it
    card = await scene.card("run news")
    await advance(scene.backends, 1)
    async with asyncio.timeout(SECONDS):
        while (await get_run(scene.backends, "r-1")).status != "failed":
            await advance(scene.backends, 1)
    await scene.stage.bot.relay.tick()
    assert "*Why:*" in shown(card)
    assert "at least 50" in shown(card)
    assert action_ids(card) == [RETRY]


async def test_two_people_decide_at_once_and_one_of_them_wins(completed_scene: Scene) -> None:
    scene = completed_scene
    card = await scene.announced("r-1")
    results = await scene.reply(card, "Results of r-1")
    first, second = await _open(scene, results), await _open(scene, results)
    seen = len(scene.stage.workspace.changes)
    await asyncio.gather(
        scene.ada.submit(first, {REASON: WHY}), scene.ada.submit(second, {REASON: WHY})
    )
    told = [c for c in await scene.since(seen) if c.kind == "whispered"]
    assert len(told) == 1
    assert "already approved by" in whispers(told)
    (promoted,) = await incumbents(scene.backends)
    await scene.reply(card, f"{promoted.model_name} was promoted")
    thread = scene.stage.workspace.thread(card.channel, card.ts)
    assert sum("was promoted" in m.text and not m.broadcast for m in thread) == 1


async def test_one_of_two_approvals_is_shown_and_the_second_promotes(
    completed_scene: Scene,
) -> None:
    scene = completed_scene
    async with scene.backends.database.transaction() as session:
        (await session.exec(select(Approval))).one().needed = 2
    card = await scene.announced("r-1")
    results = await scene.reply(card, "Results of r-1")
    assert await scene.ada.submit(await _open(scene, results), {REASON: WHY}) == {}
    await scene.until_text(results, "1 of 2 approved, by <@U0APPROVE01>")
    assert deciding(results) == [APPROVE, REJECT]
    view = await get_run(scene.backends, "r-1")
    assert view.approval_id is not None
    assert view.recommendation is not None
    name = view.recommendation.model_name  # which one is the better depends on measured times
    await scene.reply(card, f"ada approved {name} (1 of 2)")
    assert await incumbents(scene.backends) == []

    shell = Actor(id="cli:root", name="root", origin="cli")
    await decide_approval(scene.backends, view.approval_id, True, shell, "me too")
    await scene.until_text(results, "*Decided:*")
    assert deciding(results) == []
    assert [p.model_name for p in await incumbents(scene.backends)] == [name]


async def test_a_question_whose_time_is_over_loses_its_buttons(completed_scene: Scene) -> None:
    scene = completed_scene
    card = await scene.announced("r-1")
    results = await scene.reply(card, "Results of r-1")
    opened = await _open(scene, results)
    async with scene.backends.database.transaction() as session:
        (await session.exec(select(Approval))).one().expires_at = utc_now()
    seen = len(scene.stage.workspace.changes)
    assert await scene.ada.submit(opened, {REASON: WHY}) == {}  # it was open when the modal was
    await scene.until_text(results, "*Closed:* The question to approve is void")
    assert "The time to decide on this is over." in whispers(await scene.since(seen))
    assert deciding(results) == []
    assert await incumbents(scene.backends) == []
