"""One thing that Slack has delivered, and what names it."""

import asyncio
import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flywheel.clock import utc_now

Body = dict[str, Any]
# Slack has sent a "verification token" since before there were signatures: nobody needs it.
_SECRET = "token"  # noqa: S105


def _future() -> "asyncio.Future[bool]":
    return asyncio.get_running_loop().create_future()


@dataclass(eq=False)
class Delivery:
    """A command, press, submitted modal or event on its way to what handles it."""

    key: str  # the same for every repetition of the delivery
    route: str
    body: Body
    received_at: datetime = field(default_factory=utc_now)
    again: bool = False  # a process that has had it before has died, maybe halfway through
    # Whether this process is the one that acts on it; no result while the database is away.
    mine: "asyncio.Future[bool]" = field(default_factory=_future)

    @property
    def reference(self) -> str:
        """The key in a form that a block id can hold."""
        return hashlib.sha256(self.key.encode()).hexdigest()[:24]


def delivery_of(body: Body, raw_body: str) -> Delivery:
    """The delivery with this body."""
    kept = {name: value for name, value in body.items() if name != _SECRET}
    return Delivery(delivery_key(body, raw_body), route_of(body), kept)


def delivery_key(body: Body, raw_body: str) -> str:
    """What names a delivery: its event id or trigger id, else the hash of its body."""
    if body.get("event_id"):
        return f"event:{body['event_id']}"
    if body.get("trigger_id"):
        return f"trigger:{body['trigger_id']}"
    return f"body:{hashlib.sha256(raw_body.encode()).hexdigest()}"


def route_of(body: Body) -> str:
    """Where a delivery goes: 'command', 'action:ID', 'view:ID' or 'event:TYPE'."""
    if "command" in body:
        return "command"
    match body.get("type"):
        case "block_actions" if body.get("actions"):
            return f"action:{body['actions'][0].get('action_id', '')}"
        case "view_submission":
            return f"view:{body['view'].get('callback_id', '')}"
        case "event_callback":
            return f"event:{body.get('event', {}).get('type', '')}"
        case other:
            return str(other)


def channel_of(body: Body) -> str | None:
    """The channel that a delivery comes from, where it comes from one."""
    if "channel_id" in body:
        return str(body["channel_id"])
    for holder in (body.get("channel"), body.get("container"), body.get("event")):
        if isinstance(holder, dict):
            found = holder.get("id") or holder.get("channel_id") or holder.get("channel")
            if isinstance(found, str):
                return found
    return None
