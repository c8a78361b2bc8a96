"""A command as it was asked: by whom, where, and how to answer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bot.context import Bot, person_in
from bot.inbox.delivery import Delivery
from bot.views.message import Message
from flywheel.errors import ConflictError
from flywheel.ports.backends import Backends
from flywheel.views import Actor


@dataclass(frozen=True)
class Asked:
    """Where a command comes from."""

    actor: Actor
    backends: Backends  # as they see them
    channel: str
    response_url: str
    trigger_id: str  # opens one modal, within three seconds
    key: str  # the same however often it is delivered
    again: bool  # a process that had it before died, maybe halfway through
    text: str

    def not_again(self) -> None:
        """For what must not be done twice. Raises ConflictError."""
        if self.again:
            raise ConflictError(
                f"I was restarted while I carried out `/flywheel {self.text}`.",
                "Look whether it is done; if not, type it again.",
            )


# What a command answers the person alone; None where it has answered otherwise.
Answer = Callable[[Bot, Any, Asked], Awaitable[Message | None]]


async def asked_in(bot: Bot, delivery: Delivery) -> Asked:
    """The command of a delivery."""
    body = delivery.body
    viewer = await bot.viewer(*person_in(body))
    return Asked(
        actor=viewer.actor,
        backends=viewer.backends,
        channel=str(body["channel_id"]),
        response_url=str(body["response_url"]),
        trigger_id=str(body.get("trigger_id", "")),
        key=delivery.key,
        again=delivery.again,
        text=str(body.get("text", "")),
    )
