"""Who may decide is settled on our side, with what Slack says of people, at click and submit."""

from dataclasses import replace

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.console.person import Person
from bot.console.stage import Stage
from bot.console.workspace import Posted
from bot.people import People
from bot.views.decision import REASON
from bot.views.results import APPROVE
from flywheel.service.promotions import audit_trail, incumbents
from flywheel.settings.sections import ApprovalConfig
from flywheel.views import Actor
from tests.bot.conftest import ADA, BEN, Scene, whispers

WHY = "as good on every class"
LEADS = "S0LEADS0001"


async def results_of(scene: Scene) -> Posted:
    return await scene.reply(await scene.announced("r-1"), "Results of r-1")


async def told(scene: Scene, results: Posted, by: Person) -> str:
    return whispers(await scene.press(results, APPROVE, by))


def allowing(stage: Stage, *approvers: str) -> None:
    """From now on these decide."""
    config = ApprovalConfig(approvers=list(approvers))
    backends = stage.bot.backends
    settings = backends.settings.model_copy(update={"approval_config": config})
    object.__setattr__(stage.bot, "backends", replace(backends, settings=settings))
    people = People(stage.bot.messenger.client, config)
    object.__setattr__(stage.bot, "people", people)


async def test_a_guest_decides_nothing_though_a_list_says_so(completed_scene: Scene) -> None:
    scene = completed_scene
    results = await results_of(scene)
    scene.stage.workspace.guests.add(ADA)
    assert "ada may not decide on promotions: guests decide nothing." in await told(
        scene, results, scene.ada
    )
    assert scene.stage.workspace.views == {}
    trail = await audit_trail(scene.backends)
    assert (trail[-1].action, trail[-1].actor) == ("refused", ADA)


@pytest.mark.slow
async def test_who_has_become_a_guest_since_the_click_is_refused_at_the_submission(
    completed_scene: Scene,
) -> None:
    scene = completed_scene
    results = await results_of(scene)
    await scene.press(results, APPROVE, scene.ada)
    (opened,) = scene.stage.workspace.views.values()
    scene.stage.workspace.guests.add(ADA)
    seen = len(scene.stage.workspace.changes)
    assert await scene.ada.submit(opened, {REASON: WHY}) == {}
    assert "guests decide nothing" in whispers(await scene.since(seen))
    assert await incumbents(scene.backends) == []


async def test_nobody_decides_where_another_organisation_reads(completed_scene: Scene) -> None:
    scene = completed_scene
    results = await results_of(scene)
    scene.stage.workspace.shared = True
    assert "another organisation shares" in await told(scene, results, scene.ada)
    assert "another organisation shares" in whispers(
        await scene.command("rollback news because", scene.ada)
    )


async def test_who_is_not_known_to_slack_decides_nothing(completed_scene: Scene) -> None:
    people, channel = completed_scene.stage.bot.people, completed_scene.channel
    nobody = Actor(id="U0NOBODY001", name="nobody", origin="slack")
    found = await people.decider(nobody, channel)
    assert found.barred == "Slack does not say who they are (user_not_found)"
    elsewhere = await people.decider(nobody.model_copy(update={"id": ADA}), "C0ELSEWHERE")
    assert elsewhere.barred == "Slack does not say who they are (channel_not_found)"
    away = AsyncWebClient(token="xoxb", base_url="http://127.0.0.1:9/api/")
    silent = await People(away, ApprovalConfig()).decider(nobody, channel)
    assert silent.barred == "Slack does not answer who they are"


@pytest.mark.parametrize("member", [True, False])
async def test_members_of_a_listed_group_decide(completed_scene: Scene, member: bool) -> None:
    scene = completed_scene
    results = await results_of(scene)
    scene.stage.workspace.groups[LEADS] = [BEN] if member else [ADA]
    allowing(scene.stage, LEADS)
    said = await told(scene, results, scene.ben)
    opened = list(scene.stage.workspace.views.values())
    if not member:
        assert f"These may: <!subteam^{LEADS}>." in said
        assert opened == []
        return
    assert await scene.ben.submit(opened[0], {REASON: WHY}) == {}
    await scene.until_text(results, "*Decided:*")
    assert [p.approved_by for p in await incumbents(scene.backends)] == [BEN]
