"""Which workspaces and channels the bot talks to at all."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt import BoltResponse
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.inbox.delivery import channel_of
from flywheel.settings.slack import SlackConfig

log = logging.getLogger(__name__)

_ELSEWHERE = "flywheel does not answer in this channel. It does in: {}, and in direct messages."
_OTHERS = "flywheel does not answer people of this workspace."


class Doors:
    """Bolt middleware that lets in what comes from a listed workspace and channel.

    A list that is empty lets everything in. Direct messages and what is pressed in a modal or on
    the Home tab are in no channel; what they lead to is shown to that person alone.
    """

    def __init__(self, config: SlackConfig) -> None:
        self._teams = frozenset(config.allowed_teams)
        self._channels = list(config.allowed_channels)

    async def middleware(
        self,
        req: AsyncBoltRequest,
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002
    ) -> BoltResponse:
        """Answer everything else with 200, and say why where a command was typed."""
        why = self.refusal(req.body)
        if why is None:
            return await next()
        log.info("a delivery from elsewhere was refused: %s", why)
        return BoltResponse(status=200, body=why if "command" in req.body else "")

    def refusal(self, body: dict[str, Any]) -> str | None:
        """Why a delivery is not let in, or None."""
        if self._teams and not (teams := _teams_of(body)) <= self._teams:
            log.debug("of %s", teams)
            return _OTHERS
        channel = channel_of(body)
        if not self._channels or channel is None or channel.startswith("D"):
            return None
        if channel in self._channels:
            return None
        return _ELSEWHERE.format(", ".join(f"<#{name}>" for name in self._channels[:20]))


def _teams_of(body: dict[str, Any]) -> set[str]:
    """The workspace of the delivery, and of who wrote or pressed, where Slack says it."""
    team, user, event = body.get("team"), body.get("user"), body.get("event") or {}
    found = {
        body.get("team_id"),
        team.get("id") if isinstance(team, dict) else None,
        user.get("team_id") if isinstance(user, dict) else None,
        event.get("user_team"),
    }
    return {name for name in found if name}
