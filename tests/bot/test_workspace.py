"""The console's Slack is as strict as Slack: what it takes, Slack takes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.console.limits import message_problems, view_problems
from bot.console.web_api import serve_workspace
from bot.console.workspace import Workspace
from tests.bot.conftest import ADA, PEOPLE

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}
BUTTON = {"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "Press"}}
MODAL = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "Title"},
    "submit": {"type": "plain_text", "text": "Send"},
    "blocks": [SECTION],
}


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[Workspace, AsyncWebClient, str]]:
    """A workspace, a client for it, and its address."""
    workspace = Workspace(dict(PEOPLE))
    async with serve_workspace(workspace) as url:
        client = AsyncWebClient(token=workspace.token, base_url=f"{url}/api/")
        client.proxy = None
        yield workspace, client, url


async def refused(call: Any) -> str:
    """The error that Slack answers."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def test_messages_threads_edits_and_pages() -> None:
    async with opened() as (workspace, client, _):
        channel = workspace.channel
        assert (await client.auth_test())["user"] == "flywheel"
        first = (await client.chat_postMessage(channel=channel, text="one"))["ts"]
        for i in range(5):
            await client.chat_postMessage(
                channel=channel, text=f"reply {i}", thread_ts=first, reply_broadcast=i == 4
            )
        await client.chat_update(channel=channel, ts=first, text="two", blocks=[SECTION])
        texts, cursor = [], None
        while True:
            page = await client.conversations_replies(
                channel=channel, ts=first, limit=2, cursor=cursor
            )
            texts += [m["text"] for m in page["messages"]]
            cursor = page["response_metadata"]["next_cursor"]
            if not cursor:
                break
        assert texts == ["two", *(f"reply {i}" for i in range(5))]
        history = await client.conversations_history(channel=channel)
        assert [m["text"] for m in history["messages"]] == ["reply 4", "two"]
        direct = await client.chat_postMessage(channel=ADA, text="for you")
        assert direct["channel"] == workspace.direct_channel(ADA)


@pytest.mark.filterwarnings("ignore:The top-level `text` argument is missing")  # it is meant to be
async def test_what_slack_refuses_is_refused() -> None:
    async with opened() as (workspace, client, _):
        channel = workspace.channel
        post = client.chat_postMessage
        said = workspace.say(ADA, channel, "hello")
        assert (
            await refused(client.reactions_add(channel=channel, timestamp="1", name="x"))
            == "unknown_method"
        )
        assert await refused(post(channel="C0NOWHERE", text="x")) == "channel_not_found"
        assert await refused(post(channel=channel, text="")) == "no_text"
        assert await refused(post(channel=channel, text="x" * 40_001)) == "msg_too_long"
        assert await refused(post(channel=channel, text="x", thread_ts="1.0")) == "thread_not_found"
        assert (
            await refused(post(channel=channel, text="x", blocks=[SECTION] * 51))
            == "invalid_blocks"
        )
        edit = client.chat_update
        assert await refused(edit(channel=channel, ts="1.0", text="x")) == "message_not_found"
        assert await refused(edit(channel=channel, ts=said.ts, text="x")) == "cant_update_message"
        whisper = client.chat_postEphemeral(channel=channel, user="U0NOBODY01", text="x")
        assert await refused(whisper) == "user_not_in_channel"
        assert (
            await refused(client.views_open(trigger_id="1.x", view=MODAL)) == "invalid_trigger_id"
        )
        trigger = workspace.new_trigger(ADA)
        long_title = {**MODAL, "title": {"type": "plain_text", "text": "x" * 25}}
        assert (
            await refused(client.views_open(trigger_id=trigger, view=long_title))
            == "invalid_arguments"
        )
        opened_view = (await client.views_open(trigger_id=trigger, view=MODAL))["view"]
        shown, before = opened_view["id"], opened_view["hash"]
        update = client.views_update
        assert await refused(update(view_id="V0", view=MODAL)) == "not_found"
        assert await refused(update(view_id=shown, view=long_title)) == "invalid_arguments"
        await update(view_id=shown, hash=before, view=MODAL)
        assert await refused(update(view_id=shown, hash=before, view=MODAL)) == "hash_conflict"
        home = {"type": "home", "blocks": [SECTION]}
        publish = client.views_publish
        assert await refused(publish(user_id="U0NOBODY01", view=home)) == "user_not_found"
        too_long = {**home, "blocks": [SECTION] * 101}
        assert await refused(publish(user_id=ADA, view=too_long)) == "invalid_arguments"
        titled = {**home, "title": MODAL["title"]}
        assert await refused(publish(user_id=ADA, view=titled)) == "invalid_arguments"
        await publish(user_id=ADA, view=home)
        assert (
            await refused(client.views_open(trigger_id=trigger, view=MODAL))
            == "exchanged_trigger_id"
        )
        client.token = "xoxb-wrong"
        assert await refused(post(channel=channel, text="x")) == "invalid_auth"
        client.token = None
        assert await refused(post(channel=channel, text="x")) == "not_authed"


async def test_a_response_url_serves_five_times() -> None:
    async with opened() as (workspace, _, url):
        token = workspace.new_response(workspace.channel, ADA)
        webhook = AsyncWebhookClient(f"{url}/response/{token}")
        webhook.proxy = None
        codes = [(await webhook.send(text="x")).status_code for _ in range(6)]
        assert codes == [200] * 5 + [404]
        assert {c.message.only_for for c in workspace.changes if c.message} == {ADA}


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        (SECTION, None),
        ({"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}, "1 to 3,000"),
        ({"type": "section", "text": {"type": "mrkdwn", "text": ""}}, "1 to 3,000"),
        ({"type": "section"}, "text or fields"),
        ({"type": "header", "text": {"type": "mrkdwn", "text": "x"}}, "plain_text"),
        ({"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}, "1 to 150"),
        ({"type": "context", "elements": []}, "1 to 10 elements"),
        ({"type": "actions", "elements": [BUTTON]}, None),
        ({"type": "actions", "elements": [BUTTON, BUTTON]}, "action_id appears twice"),
        ({"type": "actions", "elements": [{**BUTTON, "value": "x" * 2001}]}, "2,000"),
        (
            {
                "type": "actions",
                "elements": [{**BUTTON, "text": {"type": "plain_text", "text": "x" * 76}}],
            },
            "75",
        ),
        ({"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}, None),
        ({"type": "table", "rows": [[{"type": "raw_text", "text": ""}]]}, "cell needs text"),
        ({"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]] * 101}, "100 rows"),
        ({"type": "input"}, "modals"),
        ({"type": "hologram"}, "unknown type"),
        ({**SECTION, "block_id": "x" * 256}, "255"),
    ],
)
def test_limits_of_blocks(block: dict[str, Any], problem: str | None) -> None:
    problems = message_problems([block])
    assert (problems == []) if problem is None else any(problem in p for p in problems)


def test_limits_of_whole_messages_and_modals() -> None:
    table = {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}
    named = {**SECTION, "block_id": "one"}
    long = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2500}}
    assert "one table" in message_problems([table, table])[0]
    assert "block_id appears twice" in message_problems([named, named])[0]
    assert "9600 characters" in message_problems([long] * 4)[0]
    assert view_problems(MODAL) == []
    assert "private_metadata" in view_problems({**MODAL, "private_metadata": "x" * 3001})[0]
    assert "needs blocks" in view_problems({**MODAL, "blocks": []})[0]
    assert "title" in view_problems({k: v for k, v in MODAL.items() if k != "title"})[0]
