"""What somebody may not see is not there, and what others may not read is said to one alone."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.context import Bot
from bot.people import People
from bot.views.asking import ASK
from bot.views.results import APPROVE
from bot.views.review import REVIEW
from flywheel.settings import Settings
from flywheel.settings.access import AccessConfig
from tests.bot.conftest import ADA, BEN, SECONDS, Scene, scene_in, shown, whispers

LEADS = "S0LEADS0001"
BEST = "which model is best?"


@pytest.fixture
async def limited(quick: Settings, completed_home: Path) -> AsyncIterator[Scene]:
    """The completed run is of a workload that Ada sees, and a group."""
    access = AccessConfig(workloads={"news": [LEADS]})
    settings = quick.model_copy(update={"home": completed_home, "access_config": access})
    async with scene_in(settings, 0, relay=False) as scene:
        scene.stage.workspace.groups[LEADS] = []
        yield scene


async def test_commands_buttons_and_the_home_tab_know_nothing_of_it(limited: Scene) -> None:
    nothing = "There are no runs yet."
    for command in ("status r-1", "results", "runs", "cancel r-1", "compare r-1", "review r-1"):
        assert nothing in whispers(await limited.command(command, limited.ben)), command
    assert "The log is empty" in whispers(await limited.command("workloads", limited.ben))
    assert "The log is empty" in whispers(await limited.command("run news", limited.ben))
    results = next(c.message for c in await limited.command("results r-1") if c.message is not None)
    for action in (ASK, REVIEW, APPROVE):
        assert nothing in whispers(await limited.press(results, action, limited.ben))
    for person, sees in ((limited.ben, False), (limited.ada, True)):
        await person.open_home()
        await limited.stage.bot.inbox.idle()
        home = limited.stage.workspace.homes[person.id].view
        assert ("news" in str(home)) == sees


async def test_an_answer_goes_to_the_asker_alone_where_others_would_read_it(
    limited: Scene,
) -> None:
    workspace = limited.stage.workspace
    seen = len(workspace.changes)
    await limited.ada.say(limited.channel, BEST)
    changes = await limited.since(seen)
    assert "r-1" in whispers(changes)
    assert [c.kind for c in changes] == ["posted", "whispered"], "the question, and her answer"

    asked = await limited.ben.say(limited.channel, BEST)
    assert "There are no runs yet." in shown(await workspace.reply_to(asked, SECONDS))
    direct = await limited.ada.say(workspace.direct_channel(ADA), BEST)
    assert "r-1" in shown(await workspace.reply_to(direct, SECONDS))

    workspace.groups[LEADS] = [BEN]
    _forget(limited.stage.bot)
    asked = await limited.ben.say(limited.channel, BEST)
    assert "r-1" in shown(await workspace.reply_to(asked, SECONDS)), "now everybody here sees it"
    for change in ({"public": True}, {"public": False, "shared": True}):
        for name, value in change.items():
            setattr(workspace, name, value)
        _forget(limited.stage.bot)
        seen = len(workspace.changes)
        await limited.ada.say(limited.channel, BEST)
        assert [c.kind for c in await limited.since(seen)] == ["posted", "whispered"]


def _forget(bot: Bot) -> None:
    """As if the minute were over in which the members of a group are believed."""
    settings = bot.backends.settings
    people = People(bot.messenger.client, settings.approval_config, settings.access_config)
    object.__setattr__(bot, "people", people)
