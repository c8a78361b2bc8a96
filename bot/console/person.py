"""What a person does in the workspace, sent to the app as Slack sends it: signed HTTP requests."""

import json
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlencode

from slack_bolt import BoltResponse
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.signature import SignatureVerifier

from bot.console.elements import Json
from bot.console.workspace import APP_USER, TEAM, OpenView, Posted, Workspace

Dispatch = Callable[[AsyncBoltRequest], Awaitable[BoltResponse]]


class Delivery:
    """Signs what the workspace has to say and hands it to the app."""

    def __init__(self, workspace: Workspace, dispatch: Dispatch) -> None:
        self._verifier = SignatureVerifier(workspace.signing_secret)
        self._dispatch = dispatch

    async def form(self, **fields: str) -> BoltResponse:
        """A slash command or an interaction."""
        return await self.send(urlencode(fields), "application/x-www-form-urlencoded")

    async def send(self, body: str, content_type: str) -> BoltResponse:
        """A request with this body and a signature made now."""
        timestamp = str(int(time.time()))
        signature = self._verifier.generate_signature(timestamp=timestamp, body=body)
        request = AsyncBoltRequest(
            body=body,
            headers={
                "content-type": [content_type],
                "x-slack-request-timestamp": [timestamp],
                "x-slack-signature": [signature or ""],
            },
        )
        return await self._dispatch(request)


class Person:
    """One person at the keyboard."""

    def __init__(
        self, workspace: Workspace, delivery: Delivery, response_base: str, user: str
    ) -> None:
        self.id = user
        self.name = workspace.users[user]
        self._workspace = workspace
        self._delivery = delivery
        self._response_base = response_base

    async def command(self, channel: str, text: str) -> BoltResponse:
        """Type `/flywheel <text>`."""
        return await self._delivery.form(
            command="/flywheel",
            text=_escape(text),
            user_id=self.id,
            user_name=self.name,
            channel_id=channel,
            channel_name=self._workspace.channel_name(channel),
            team_id=TEAM,
            trigger_id=self._workspace.new_trigger(self.id),
            response_url=self._response_url(channel, None),
        )

    async def press(
        self, message: Posted, action_id: str, block_id: str | None = None
    ) -> BoltResponse:
        """Press a button of a message, the first where several have that name.

        Raises LookupError where none has.
        """
        button = next(
            (
                button
                for button in buttons(message.blocks)
                if button["action_id"] == action_id and block_id in {None, button["block_id"]}
            ),
            None,
        )
        if button is None:
            raise LookupError(f"the message has no button {action_id}")
        payload = {
            "type": "block_actions",
            "user": self._user(),
            "team": {"id": TEAM},
            "api_app_id": "A0FLYWHEEL1",
            "trigger_id": self._workspace.new_trigger(self.id),
            "response_url": self._response_url(message.channel, message),
            "container": {
                "type": "message",
                "message_ts": message.ts,
                "channel_id": message.channel,
                "is_ephemeral": message.only_for is not None,
                **({} if message.thread_ts is None else {"thread_ts": message.thread_ts}),
            },
            "channel": {
                "id": message.channel,
                "name": self._workspace.channel_name(message.channel),
            },
            "actions": [{**button, "action_ts": message.ts}],
        }
        return await self._delivery.form(payload=json.dumps(payload))

    async def open_home(self) -> BoltResponse:
        """Open the app's Home tab."""
        event: Json = {"type": "app_home_opened", "user": self.id, "tab": "home"}
        event["channel"] = self._workspace.direct_channel(self.id)
        return await self._event(event)

    async def press_in(
        self, opened: OpenView, block_id: str, action_id: str, option: str = ""
    ) -> BoltResponse:
        """Press a button of a modal or of the Home tab; of a menu, what `option` reads.

        Raises LookupError where there is none.
        """
        button = next(
            (
                button
                for button in buttons(opened.view["blocks"])
                if (button["block_id"], button["action_id"]) == (block_id, action_id)
                and option in {"", button["text"]["text"]}
            ),
            None,
        )
        if button is None:
            raise LookupError(f"the view has no button {action_id} in {block_id}")
        shown = {**opened.view, "id": opened.id, "hash": opened.hash}
        payload = {
            "type": "block_actions",
            "user": self._user(),
            "team": {"id": TEAM},
            "api_app_id": "A0FLYWHEEL1",
            "trigger_id": self._workspace.new_trigger(self.id),
            "container": {"type": "view", "view_id": opened.id},
            "view": shown,
            "actions": [{**button, "action_ts": self._workspace.new_ts()}],
        }
        return await self._delivery.form(payload=json.dumps(payload))

    async def submit(self, opened: OpenView, values: dict[str, str]) -> dict[str, str]:
        """Submit a modal with one value per input block; returns the errors, if any."""
        payload = {
            "type": "view_submission",
            "user": self._user(),
            "team": {"id": TEAM},
            "api_app_id": "A0FLYWHEEL1",
            "trigger_id": self._workspace.new_trigger(self.id),
            "view": {
                **opened.view,
                "id": opened.id,
                "hash": opened.hash,
                "state": {"values": _state(opened.view, values, self._workspace.channel)},
            },
        }
        answer = await self._delivery.form(payload=json.dumps(payload))
        body = json.loads(answer.body) if answer.body else {}
        if body.get("response_action") == "errors":
            return dict(body["errors"])
        if opened.id in self._workspace.views:
            self._workspace.close_view(opened.id)
        return {}

    async def say(self, channel: str, text: str, thread_ts: str | None = None) -> Posted:
        """Write a message: to the app directly, or mentioning it in the channel."""
        direct = channel in self._workspace.direct
        written = _escape(text) if direct else f"<@{APP_USER}> {_escape(text)}"
        message = self._workspace.say(self.id, channel, written, thread_ts)
        event: Json = {
            "type": "message" if direct else "app_mention",
            "user": self.id,
            "text": written,
            "ts": message.ts,
            "channel": channel,
        }
        if direct:
            event["channel_type"] = "im"
        if thread_ts is not None:
            event["thread_ts"] = thread_ts
        await self._event(event)
        return message

    async def _event(self, event: Json) -> BoltResponse:
        body = {
            "type": "event_callback",
            "team_id": TEAM,
            "api_app_id": "A0FLYWHEEL1",
            "event_id": f"Ev{secrets.token_hex(8)}",
            "event_time": int(time.time()),
            "event": event,
        }
        return await self._delivery.send(json.dumps(body), "application/json")

    def _user(self) -> Json:
        return {"id": self.id, "name": self.name, "username": self.name, "team_id": TEAM}

    def _response_url(self, channel: str, message: Posted | None) -> str:
        return self._response_base + self._workspace.new_response(channel, self.id, message)


def buttons(blocks: Sequence[Json]) -> list[Json]:
    """The buttons of a message or view, and what its menus offer, each with its block_id."""
    return [
        {**pressed, "block_id": block.get("block_id", "")}
        for block in blocks
        if block.get("type") == "actions"
        for element in block["elements"]
        for pressed in _pressed(element)
    ]


def _pressed(element: Json) -> list[Json]:
    """The element as it is reported once it was pressed, in every way that this is possible."""
    match element["type"]:
        case "button":
            return [element]
        case "overflow":
            menu = {"type": "overflow", "action_id": element["action_id"]}
            return [
                {**menu, "selected_option": option, "text": option["text"]}
                for option in element["options"]
            ]
        case _:
            return []


def _state(view: Json, values: dict[str, str], channel: str) -> Json:
    """What a person has filled in, as Slack reports it; what they left alone as it was."""
    return {
        block["block_id"]: {
            block["element"]["action_id"]: _filled(
                block["element"], values.get(block["block_id"]), channel
            )
        }
        for block in view["blocks"]
        if block["type"] == "input"
    }


def _filled(element: Json, value: str | None, channel: str) -> Json:
    filled: Json = {"type": element["type"]}
    match element["type"]:
        case "static_select":
            wanted = value or element.get("initial_option", {}).get("value")
            chosen = [o for o in element["options"] if o["value"] == wanted]
            filled["selected_option"] = chosen[0] if chosen else None
        case "multi_static_select":
            wanted = value.split(",") if value else None
            filled["selected_options"] = [
                option
                for option in element["options"]
                if (
                    option in element.get("initial_options", [])
                    if wanted is None
                    else option["value"] in wanted
                )
            ]
        case "conversations_select":
            filled["selected_conversation"] = value or channel
        case _:
            filled["value"] = value or None
    return filled


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
