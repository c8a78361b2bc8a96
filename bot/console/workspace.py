"""A Slack workspace in memory: channels, messages, modals, and Slack's own strictness."""

import asyncio
import itertools
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from bot.console.elements import Json
from bot.console.limits import MESSAGE_TEXT, message_problems, view_problems
from bot.console.refusal import SlackRefusal
from bot.console.uploads import Uploads
from bot.store import CONSOLE

TRIGGER_SECONDS = 3.0
RESPONSE_SECONDS = 30 * 60
RESPONSE_USES = 5

APP_USER = "U0FLYWHEEL1"
TEAM = "T0CONSOLE01"

Found = TypeVar("Found")
ChangeKind = Literal[
    "posted", "edited", "whispered", "view-opened", "view-updated", "view-closed", "home"
]


@dataclass
class Posted:
    """One message; `only_for` names the person who alone sees it."""

    channel: str
    ts: str
    user: str
    text: str
    blocks: list[Json]
    thread_ts: str | None = None
    broadcast: bool = False
    only_for: str | None = None
    edits: int = 0
    files: list[Json] = field(default_factory=list)


@dataclass
class OpenView:
    """A modal that somebody has in front of them."""

    id: str
    user: str
    view: Json
    hash: str


@dataclass(frozen=True)
class Change:
    """Something that a person looking at the workspace sees happen."""

    kind: ChangeKind
    message: Posted | None = None
    view: OpenView | None = None


@dataclass
class _Trigger:
    user: str
    expires: float
    used: bool = False


@dataclass
class _ResponseUrl:
    channel: str
    user: str
    message: Posted | None
    expires: float
    uses: int = 0


@dataclass
class Workspace:
    """The whole workspace. Every change is kept in `changes`, in order."""

    users: dict[str, str]  # id to name
    name: str = field(default_factory=lambda: f"{CONSOLE}{secrets.token_hex(4)}-")
    token: str = field(default_factory=lambda: f"xoxb-console-{secrets.token_hex(12)}")
    signing_secret: str = field(default_factory=lambda: secrets.token_hex(16))
    messages: list[Posted] = field(default_factory=list)
    views: dict[str, OpenView] = field(default_factory=dict)
    homes: dict[str, OpenView] = field(default_factory=dict)  # by user
    changes: list[Change] = field(default_factory=list)
    uploads: Uploads = field(default_factory=Uploads)
    # What sets somebody of the users apart, as `users.info` says it: {"is_restricted": True}
    accounts: dict[str, Json] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)  # members by id of the group
    scopes: list[str] = field(default_factory=list)  # of the token; those of the manifest if none
    data_tables: bool = True  # whether it knows tables that sort
    shared: bool = False  # whether another organisation shares the channel
    public: bool = False  # whether people who are not in the channel may read it

    def __post_init__(self) -> None:
        self.users[APP_USER] = "flywheel"
        self.channel = f"{self.name}C1"
        self.direct = {f"{self.name}D-{user}": user for user in self.users if user != APP_USER}
        self.listeners: list[Callable[[Change], None]] = []
        self._triggers: dict[str, _Trigger] = {}
        self._responses: dict[str, _ResponseUrl] = {}
        self._changed = asyncio.Event()
        self._numbers = itertools.count(1)
        self._last_ts = 0

    # --- what the app does, called by the Web API ---------------------------------------------

    def post(
        self,
        channel: str,
        text: str,
        blocks: list[Json],
        *,
        user: str = APP_USER,
        thread_ts: str | None = None,
        broadcast: bool = False,
        only_for: str | None = None,
    ) -> Posted:
        """A new message. Raises SlackRefusal."""
        self._check_channel(channel)
        self._check_content(text, blocks)
        if thread_ts is not None:
            self.find(channel, thread_ts, "thread_not_found")
        if broadcast and thread_ts is None:
            raise SlackRefusal("invalid_arguments", "reply_broadcast needs thread_ts")
        if only_for is not None and only_for not in self.users:
            raise SlackRefusal("user_not_in_channel")
        message = Posted(channel, self.new_ts(), user, text, blocks, thread_ts, broadcast, only_for)
        if only_for is None:
            self.messages.append(message)
        self._note(Change("posted" if only_for is None else "whispered", message=message))
        return message

    def edit(self, channel: str, ts: str, text: str, blocks: list[Json]) -> Posted:
        """Replace what one of the app's messages shows. Raises SlackRefusal."""
        self._check_channel(channel)
        message = self.find(channel, ts, "message_not_found")
        if message.user != APP_USER:
            raise SlackRefusal("cant_update_message")
        self._check_content(text, blocks)
        message.text, message.blocks = text, blocks
        message.edits += 1
        self._note(Change("edited", message=message))
        return message

    def share(self, channel: str, thread_ts: str | None, files: list[Json]) -> list[Json]:
        """Post files that were uploaded. Raises SlackRefusal."""
        self._check_channel(channel)
        if thread_ts is not None:
            self.find(channel, thread_ts, "thread_not_found")
        shared = [self.uploads.take(file["id"], file.get("title") or "") for file in files]
        message = Posted(channel, self.new_ts(), APP_USER, "", [], thread_ts, files=shared)
        self.messages.append(message)
        self._note(Change("posted", message=message))
        return shared

    def open_view(self, trigger_id: str, view: Json) -> OpenView:
        """Show a modal to the person whose click the trigger comes from. Raises SlackRefusal."""
        trigger = self._triggers.get(trigger_id)
        if trigger is None:
            raise SlackRefusal("invalid_trigger_id")
        if trigger.used:
            raise SlackRefusal("exchanged_trigger_id")
        if time.monotonic() > trigger.expires:
            raise SlackRefusal("expired_trigger_id")
        if problems := view_problems(view):
            raise SlackRefusal("invalid_arguments", *problems)
        trigger.used = True
        opened = OpenView(f"V{next(self._numbers):08d}", trigger.user, view, secrets.token_hex(8))
        self.views[opened.id] = opened
        self._note(Change("view-opened", view=opened))
        return opened

    def update_view(self, view_id: str, expected_hash: str | None, view: Json) -> OpenView:
        """Redraw a modal that is open. Raises SlackRefusal."""
        opened = self.views.get(view_id)
        if opened is None:
            raise SlackRefusal("not_found")
        if expected_hash not in {None, opened.hash}:
            raise SlackRefusal("hash_conflict")
        if problems := view_problems(view):
            raise SlackRefusal("invalid_arguments", *problems)
        opened.view, opened.hash = view, secrets.token_hex(8)
        self._note(Change("view-updated", view=opened))
        return opened

    def publish_home(self, user: str, view: Json) -> OpenView:
        """Draw a person's Home tab. Raises SlackRefusal."""
        if user not in self.users:
            raise SlackRefusal("user_not_found")
        if problems := view_problems(view):
            raise SlackRefusal("invalid_arguments", *problems)
        tab = OpenView(f"V{next(self._numbers):08d}", user, view, secrets.token_hex(8))
        self.homes[user] = tab
        self._note(Change("home", view=tab))
        return tab

    def respond(self, token: str, payload: Json) -> None:
        """An answer to a response_url. Raises SlackRefusal."""
        response = self._responses.get(token)
        if response is None or time.monotonic() > response.expires:
            raise SlackRefusal("expired_url")
        response.uses += 1
        if response.uses > RESPONSE_USES:
            raise SlackRefusal("used_url")
        text, blocks = payload.get("text", ""), payload.get("blocks", [])
        original = response.message
        if payload.get("replace_original") and original is not None:
            self._check_content(text, blocks)
            original.text, original.blocks = text, blocks
            original.edits += 1
            self._note(Change("edited", message=original))
            return
        alone = payload.get("response_type", "ephemeral") == "ephemeral"
        self.post(response.channel, text, blocks, only_for=response.user if alone else None)

    # --- what people do -----------------------------------------------------------------------

    def new_trigger(self, user: str) -> str:
        """A trigger id for three seconds."""
        trigger_id = f"{next(self._numbers)}.{secrets.token_hex(8)}"
        self._triggers[trigger_id] = _Trigger(user, time.monotonic() + TRIGGER_SECONDS)
        return trigger_id

    def new_response(self, channel: str, user: str, message: Posted | None = None) -> str:
        """The token of a response_url."""
        token = secrets.token_hex(12)
        self._responses[token] = _ResponseUrl(
            channel, user, message, time.monotonic() + RESPONSE_SECONDS
        )
        return token

    def answers_to(self, token: str) -> int:
        """How many answers a response_url has had."""
        return self._responses[token].uses

    def say(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> Posted:
        """A person writes a message."""
        return self.post(channel, text, [], user=user, thread_ts=thread_ts)

    def close_view(self, view_id: str) -> None:
        """The modal is gone, submitted or not."""
        self._note(Change("view-closed", view=self.views.pop(view_id)))

    # --- looking ------------------------------------------------------------------------------

    def channel_name(self, channel: str) -> str:
        """What a channel is called."""
        return "directmessage" if channel in self.direct else "flywheel"

    def direct_channel(self, user: str) -> str:
        """Where a person and the app write to each other alone."""
        return next(channel for channel, person in self.direct.items() if person == user)

    def find(self, channel: str, ts: str, otherwise: str = "message_not_found") -> Posted:
        """The message with this timestamp. Raises SlackRefusal(`otherwise`)."""
        for message in self.messages:
            if (message.channel, message.ts) == (channel, ts):
                return message
        raise SlackRefusal(otherwise)

    def thread(self, channel: str, ts: str) -> list[Posted]:
        """A message and its replies, oldest first."""
        parent = self.find(channel, ts, "thread_not_found")
        return [parent, *(m for m in self.messages if (m.channel, m.thread_ts) == (channel, ts))]

    def history(self, channel: str, oldest: float = 0.0) -> list[Posted]:
        """The messages of a channel, newest first, without replies that were not broadcast."""
        self._check_channel(channel)
        return [
            m
            for m in reversed(self.messages)
            if m.channel == channel
            and float(m.ts) > oldest
            and (m.thread_ts is None or m.broadcast)
        ]

    async def wait_for(self, look: Callable[[], Found | None], seconds: float) -> Found:
        """The first thing that `look` finds. Raises TimeoutError after `seconds`."""
        async with asyncio.timeout(seconds):
            while (found := look()) is None:
                self._changed.clear()
                await self._changed.wait()
        return found

    async def reply_to(self, asked: Posted, seconds: float) -> Posted:
        """The app's first message after `asked` in its thread. Raises TimeoutError."""

        def look() -> Posted | None:
            thread = self.thread(asked.channel, asked.thread_ts or asked.ts)
            return next((m for m in thread if m.ts > asked.ts and m.user == APP_USER), None)

        return await self.wait_for(look, seconds)

    def new_ts(self) -> str:
        """The time as Slack writes it; later than every one before."""
        self._last_ts = max(self._last_ts + 1, time.time_ns() // 1000)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def _check_channel(self, channel: str) -> None:
        if channel != self.channel and channel not in self.direct:
            raise SlackRefusal("channel_not_found")

    def _check_content(self, text: str, blocks: list[Json]) -> None:
        if not text and not blocks:
            raise SlackRefusal("no_text")
        if len(text) > MESSAGE_TEXT:
            raise SlackRefusal("msg_too_long")
        if not self.data_tables and any(block.get("type") == "data_table" for block in blocks):
            raise SlackRefusal("invalid_blocks", "unknown type 'data_table'")
        if problems := message_problems(blocks):
            raise SlackRefusal("invalid_blocks", *problems)

    def _note(self, change: Change) -> None:
        self.changes.append(change)
        for listener in self.listeners:
            listener(change)
        self._changed.set()
