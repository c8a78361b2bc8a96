"""What every listener works with."""

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from bot.announcements import Announcements
from bot.errors import Reply, UndeliveredError
from bot.inbox.delivery import Delivery, channel_of
from bot.inbox.inbox import Inbox
from bot.messenger import Messenger
from bot.people import People
from bot.pictures import PicturePoster
from bot.relay import Relay
from bot.stoppable import Stoppable
from bot.views.message import Message
from flywheel.ports.backends import Backends
from flywheel.service.rights import may_approve
from flywheel.service.visibility import seen_by
from flywheel.views import Actor

Origin = Literal["slack", "console"]


class Viewer(NamedTuple):
    """A person, and the backends as they see them."""

    actor: Actor
    backends: Backends


@dataclass(frozen=True)
class Bot:
    """The parts that listeners share."""

    backends: Backends
    messenger: Messenger
    relay: Relay
    announcements: Announcements
    pictures: PicturePoster
    people: People
    inbox: Inbox
    origin: Origin
    stoppable: Stoppable = field(default_factory=Stoppable)

    @property
    def has_model(self) -> bool:
        """Whether a language model answers, which takes its time."""
        return self.backends.language_model is not None

    async def close(self) -> None:
        """Let what has begun end, give the rest back, and disconnect."""
        await self.inbox.close()
        if self.messenger.client.session is not None:
            await self.messenger.client.session.close()

    def actor(self, user_id: str, name: str) -> Actor:
        """The person that a delivery names."""
        return Actor(id=user_id, name=name or user_id, origin=self.origin)

    async def viewer(self, user_id: str, name: str) -> Viewer:
        """The same, with what they see."""
        actor = await self.people.viewer(self.actor(user_id, name))
        return Viewer(actor, seen_by(self.backends, actor))

    async def decider(self, user_id: str, name: str, channel: str) -> Viewer:
        """The same, with all that decides on rights: asked of Slack now."""
        viewer = await self.viewer(user_id, name)
        return viewer._replace(actor=await self.people.decider(viewer.actor, channel))

    def may_approve(self, actor: Actor, workload_id: str) -> bool:
        """Whether this person decides on promotions of the workload."""
        return may_approve(self.backends, actor, workload_id)

    def approvers(self, workload_id: str) -> list[str]:
        """Who decides on promotions of the workload: users and groups."""
        return self.backends.settings.approval_config.of(workload_id)

    def answer_in(self, delivery: Delivery) -> Reply:
        """Answers to the person who typed or pressed: where they did, else directly."""

        async def reply(sent: Message) -> None:
            body, (user, _) = delivery.body, person_in(delivery.body)
            if url := body.get("response_url"):
                try:
                    await self.messenger.respond(url, sent)
                except UndeliveredError:
                    await self.messenger.whisper(channel_of(body) or user, user, sent)
            else:  # pressed in a modal or on the Home tab
                await self.messenger.post(user, sent)

        return reply


def team_of(body: dict[str, Any]) -> str:
    """The workspace of a delivery; '' where Slack does not say."""
    team = body.get("team")
    return str(team["id"]) if isinstance(team, dict) else str(body.get("team_id") or "")


def person_in(body: dict[str, Any]) -> tuple[str, str]:
    """User id and name, from a slash command or an interaction."""
    user = body.get("user")
    if isinstance(user, dict):
        return str(user["id"]), str(user.get("name") or user.get("username") or "")
    return str(body["user_id"]), str(body.get("user_name", ""))
