"""What people read where Slack refuses something that they wait for."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from bot.check import check_slack
from bot.views.card import CANCEL
from flywheel.settings import Settings
from tests.bot.conftest import ADA, Scene, whispers
from tests.bot.refusing import Json, Refusal, RefusingSlack, refusing


@pytest.fixture
async def slack(scene: Scene) -> AsyncIterator[RefusingSlack]:
    """Nothing is refused yet."""
    async with refusing(scene) as between:
        yield between


async def test_doctor_shows_a_token_that_is_refused(
    scene: Scene, slack: RefusingSlack, settings: Settings
) -> None:
    secrets = settings.secrets.model_copy(
        update={
            "slack_bot_token": SecretStr(scene.stage.workspace.token),
            "slack_signing_secret": SecretStr("s" * 32),
        }
    )
    ours = settings.model_copy(update={"secrets": secrets})
    api_url = scene.stage.bot.messenger.client.base_url
    assert (await check_slack(ours, api_url)).state == "ok"
    slack.refuse(Refusal("auth.test", "token_revoked"))
    found = await check_slack(ours, api_url)
    assert found.state == "failed"
    assert "does not accept SLACK_BOT_TOKEN (token_revoked)" in (found.detail or "")
    slack.refuse(Refusal("auth.test", status=503))
    found = await check_slack(ours, api_url)
    assert (found.state, found.detail) == ("failed", "Slack is out of order, or very busy.")


async def test_a_modal_that_slack_does_not_open_is_said_at_once(
    scene: Scene, slack: RefusingSlack
) -> None:
    cases = {
        "asks me to slow down": Refusal("views.open", "ratelimited", 429, retry_after=600),
        "Slack is out of order": Refusal("views.open", status=500),
        "That took too long for Slack": Refusal("views.open", "expired_trigger_id"),
        "does not accept my token": Refusal("views.open", "token_revoked"),
        "it is logged as": Refusal("views.open", "invalid_arguments"),
    }
    began = asyncio.get_running_loop().time()
    for told, refusal in cases.items():
        slack.refuse(refusal)
        assert told in whispers(await scene.command("run"))
    assert asyncio.get_running_loop().time() - began < 30


async def test_an_answer_that_comes_too_late_for_its_url_comes_otherwise(
    scene: Scene, slack: RefusingSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.console.workspace.RESPONSE_SECONDS", -1)
    card = await scene.card("run news")
    changes = await scene.press(card, CANCEL, scene.ben)
    assert "r-1 is being cancelled." in whispers(changes)

    def not_here(sent: Json) -> bool:
        return bool(sent["channel"] == scene.channel)

    slack.refuse(Refusal("chat.postEphemeral", "user_not_in_channel", when=not_here))
    await scene.command("workloads", scene.ada)
    direct = scene.stage.workspace.direct_channel(ADA)
    (told,) = (m.text for m in scene.stage.workspace.messages if m.channel == direct)
    assert "news" in told


async def test_an_answer_that_slack_may_have_posted_is_not_posted_again(
    scene: Scene, slack: RefusingSlack
) -> None:
    for done in (True, False):
        slack.refuse(Refusal("chat.postMessage", status=500, times=1, done=done))
        asked = await scene.ada.say(scene.channel, "which workloads are there?")
        await scene.stage.bot.inbox.idle()
        (answer,) = scene.stage.workspace.thread(asked.channel, asked.ts)[1:]
        assert "news" in answer.text


async def test_nobody_waits_for_long_without_a_word(scene: Scene, slack: RefusingSlack) -> None:
    slack.refuse(Refusal("chat.postMessage", "ratelimited", 429, times=1, retry_after=600))
    asked = await scene.ada.say(scene.channel, "which workloads are there?")
    await scene.stage.bot.inbox.idle()
    (answer,) = scene.stage.workspace.thread(asked.channel, asked.ts)[1:]
    assert "Slack asks me to slow down" in answer.text
