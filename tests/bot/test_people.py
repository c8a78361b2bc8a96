"""Who may decide is settled on our side, with what Slack says of people, at click and submit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.console.person import Person
from bot.console.stage import Stage
from bot.console.web_api import serve_workspace
from bot.console.workspace import Posted, Workspace
from bot.people import People
from bot.views.decision import REASON
from bot.views.results import APPROVE
from flywheel.service.promotions import audit_trail, incumbents
from flywheel.settings.sections import ApprovalConfig
from flywheel.views import Actor
from tests.bot.conftest import ADA, BEN, PEOPLE, Scene, whispers

WHY = "as good on every class"
LEADS, STALE = "S0LEADS0001", "S0DELETED01"
GUEST = {"is_restricted": True}


def actor(user: str) -> Actor:
    return Actor(id=user, name=PEOPLE[user], origin="slack")


@asynccontextmanager
async def asked_of(workspace: Workspace, *approvers: str) -> AsyncIterator[People]:
    """What this workspace says of people."""
    async with serve_workspace(workspace) as url:
        client = AsyncWebClient(token=workspace.token, base_url=f"{url}/api/")
        client.proxy = None
        yield People(client, ApprovalConfig(approvers=list(approvers)))


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
    scene.stage.workspace.accounts[ADA] = GUEST
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
    scene.stage.workspace.accounts[ADA] = GUEST
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


@pytest.mark.parametrize(
    ("account", "why"),
    [
        ({"is_restricted": True}, "guests decide nothing"),
        ({"is_ultra_restricted": True}, "guests decide nothing"),
        ({"is_bot": True}, "programs decide nothing"),
        ({"deleted": True}, "their account is deactivated"),
        ({"is_stranger": True}, "they belong to another workspace"),
        ({"team_id": "T0ELSEWHERE"}, "they belong to another workspace"),
    ],
)
async def test_who_is_no_full_member_decides_nothing(account: dict[str, Any], why: str) -> None:
    workspace = Workspace(dict(PEOPLE), accounts={ADA: account})
    async with asked_of(workspace, ADA) as people:
        assert (await people.decider(actor(ADA), workspace.channel)).barred == why
        assert (await people.decider(actor(BEN), workspace.channel)).barred is None


async def test_a_group_that_slack_does_not_know_bars_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    workspace = Workspace(dict(PEOPLE), groups={LEADS: [BEN]})
    async with asked_of(workspace, ADA, STALE, LEADS) as people:
        listed = await people.decider(actor(ADA), workspace.channel)
        assert (listed.barred, listed.groups) == (None, frozenset())
        assert (await people.decider(actor(BEN), workspace.channel)).groups == {LEADS}
        assert f"the people in {STALE} do not count: Slack says no_such_subteam" in caplog.text
        workspace.groups[STALE] = [ADA]  # it is not remembered as broken
        assert (await people.decider(actor(ADA), workspace.channel)).groups == {STALE}


async def test_the_members_of_a_group_are_believed_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace = Workspace(dict(PEOPLE), groups={LEADS: [BEN]})
    async with asked_of(workspace, LEADS) as people:
        assert (await people.decider(actor(BEN), workspace.channel)).groups == {LEADS}
        workspace.groups[LEADS] = []
        assert (await people.decider(actor(BEN), workspace.channel)).groups == {LEADS}
        monkeypatch.setattr("bot.people._KEPT", 0.0)
        assert (await people.decider(actor(BEN), workspace.channel)).groups == frozenset()


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
