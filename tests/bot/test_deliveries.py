"""What Slack sends: signed or refused, acted on once, answered in words."""

import asyncio
import json
import logging
from urllib.parse import urlencode

import pytest

from bot.app import build_app
from bot.console.person import Delivery
from bot.console.stage import open_stage
from bot.console.workspace import APP_USER, Workspace
from flywheel.service.runs import list_runs
from tests.bot.conftest import ADA, PEOPLE, SECONDS, Scene, whispers

FORM = "application/x-www-form-urlencoded"


def command_body(scene: Scene, text: str, trigger: str = "1.abc") -> str:
    """A slash command as Slack posts it."""
    token = scene.stage.workspace.new_response(scene.channel, ADA)
    base = scene.stage.bot.messenger.client.base_url.replace("/api/", "/response/")
    return urlencode(
        {
            "command": "/flywheel",
            "text": text,
            "user_id": ADA,
            "user_name": "ada",
            "channel_id": scene.channel,
            "team_id": "T0CONSOLE01",
            "trigger_id": trigger,
            "response_url": f"{base}{token}",
        }
    )


async def test_a_bad_signature_is_refused(scene: Scene) -> None:
    workspace = Workspace(dict(PEOPLE), signing_secret="another secret")
    dispatch = scene.stage.delivery._dispatch
    response = await Delivery(workspace, dispatch).send(command_body(scene, "run news"), FORM)
    assert response.status == 401
    await scene.stage.bot.inbox.idle()
    assert await list_runs(scene.backends) == []
    assert scene.stage.workspace.changes == []


async def test_a_repeated_delivery_acts_once_in_every_process(scene: Scene) -> None:
    body = command_body(scene, "run news")
    workspace = scene.stage.workspace
    other_app, other_bot = build_app(
        scene.backends,
        token=workspace.token,
        signing_secret=workspace.signing_secret,
        api_url=scene.stage.bot.messenger.client.base_url,
        console=workspace.name,
    )
    other = Delivery(workspace, other_app.async_dispatch)
    answers = await asyncio.gather(
        *(d.send(body, FORM) for d in (scene.stage.delivery, other, scene.stage.delivery, other))
    )
    assert [answer.status for answer in answers] == [200] * 4
    await scene.stage.bot.inbox.idle()
    await other_bot.inbox.idle()
    assert len(await list_runs(scene.backends)) == 1
    assert len(workspace.messages) == 1


async def test_a_repeated_event_is_answered_once(scene: Scene) -> None:
    event = {
        "type": "app_mention",
        "user": ADA,
        "text": f"<@{APP_USER}> help",
        "ts": scene.stage.workspace.say(ADA, scene.channel, "hi").ts,
        "channel": scene.channel,
    }
    body = json.dumps(
        {"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": event}
    )
    for _ in range(3):
        assert (await scene.stage.delivery.send(body, "application/json")).status == 200
    asked = scene.stage.workspace.messages[0]
    await scene.stage.workspace.reply_to(asked, SECONDS)
    await scene.stage.bot.inbox.idle()
    assert len(scene.stage.workspace.thread(asked.channel, asked.ts)) == 2


async def test_other_apps_edits_and_channel_talk_are_left_alone(scene: Scene) -> None:
    workspace = scene.stage.workspace
    direct = workspace.direct_channel(ADA)
    said = workspace.say(ADA, direct, "hello")
    base = {"type": "message", "channel": direct, "channel_type": "im", "ts": said.ts, "text": "x"}
    events = [
        {**base, "subtype": "message_changed"},
        {**base, "user": "U0OTHERBOT1", "bot_id": "B1"},
        {**base, "user": APP_USER},
        {**base, "user": ADA, "channel": workspace.channel, "channel_type": "channel"},
    ]
    for number, event in enumerate(events):
        body = {"type": "event_callback", "team_id": "T1", "event_id": f"E{number}", "event": event}
        await scene.stage.delivery.send(json.dumps(body), "application/json")
    await workspace.reply_to(await scene.ada.say(direct, "are you there?"), SECONDS)
    await scene.stage.bot.inbox.idle()
    assert [m.user for m in workspace.messages] == [ADA, ADA, APP_USER]


async def test_a_direct_message_is_answered_in_its_thread(scene: Scene) -> None:
    workspace = scene.stage.workspace
    asked = await scene.ben.say(workspace.direct_channel(scene.ben.id), "what do you know?")
    assert (await workspace.reply_to(asked, SECONDS)).text


REFUSED = {
    "stats": "There is no command 'stats'.\\nDid you mean status? `/flywheel help`",
    "run limit=5": "Which workload?",
    "run news epochs=lots": "epochs (training_config.epochs) must be a whole number of at least 1",
    "run nwes": "The log holds no workload 'nwes'.\\nDid you mean news? It has: news.",
    "run news client=x": "no records of client 'x' for news.\\nIt has: desk.",
    "run news candidates=svm": "There is no candidate 'svm'",
    "run news limit=0": "'limit' must be at least 1",
    "status": "There are no runs yet.",
    "status r-99": "There are no runs yet.",
    "cancel r-1": "There are no runs yet.",
    "cancel first": "There are no runs yet.",
    "results": "There are no runs yet.",
    "promote r-1 svm": "There are no runs yet.",
    "rollback news it was a mistake": "No model is promoted for news",
    "rollback news": "A promotion or rollback needs a reason",
    "run <!channel>": "The log holds no workload '&lt;!channel&gt;'.",
}


async def test_what_cannot_be_done_is_said_to_the_person_alone(scene: Scene) -> None:
    for text, told in REFUSED.items():
        changes = await scene.command(text)
        assert [c.kind for c in changes] == ["whispered"], text
        assert told in whispers(changes), text


async def test_states_that_do_not_allow_it(scene: Scene) -> None:
    await scene.card("run news")
    assert "r-1 is pending; it has no results yet." in whispers(await scene.command("results r-1"))
    assert "There is no run r-7." in whispers(await scene.command("status r-7"))
    assert "'first' is not a run." in whispers(await scene.command("cancel first"))
    assert "r-1 is pending.\\nOnly the models of a completed run" in whispers(
        await scene.command("promote r-1 tfidf-svm because")
    )
    assert "Waiting for a worker" in whispers(await scene.command("status"))
    assert "*r-1*" in whispers(await scene.command("runs"))
    assert "`news`" in whispers(await scene.command("workloads"))
    assert "/flywheel promote RUN MODEL" in whispers(await scene.command(""))


async def test_nobody_can_approve_where_nobody_is_listed(scene: Scene) -> None:
    async with open_stage(scene.backends, PEOPLE, approvers=[]) as stage:
        await stage.people[ADA].command(stage.workspace.channel, "rollback news")
        await stage.bot.inbox.idle()
        assert "approval_config.approvers" in whispers(stage.workspace.changes)


async def test_an_unforeseen_error_shows_an_id_and_nothing_else(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    async with scene.backends.database.transaction() as session:
        await session.connection(execution_options={})
        from sqlalchemy import text

        await session.exec(text("ALTER TABLE run RENAME TO run_elsewhere"))  # type: ignore[call-overload]
    with caplog.at_level(logging.ERROR, "bot"):
        told = whispers(await scene.command("runs"))
    assert "Something went wrong on my side; it is logged as" in told
    assert "run_elsewhere" not in told
    assert "sqlite" not in told.lower()
    logged = next(r for r in caplog.records if r.name == "bot.errors")
    error_id = told.split("logged as `")[1].split("`")[0]
    assert error_id in logged.getMessage()
    assert logged.exc_info


async def test_a_channel_without_the_bot_is_explained(scene: Scene) -> None:
    body = command_body(scene, "run news").replace(
        urlencode({"channel_id": scene.channel}), "channel_id=C0ELSEWHERE"
    )
    await scene.stage.delivery.send(body, FORM)
    changes = await scene.since(0)
    assert "r-1 has started, but I cannot post in this channel." in whispers(changes)
    assert "/invite @flywheel" in whispers(changes)
