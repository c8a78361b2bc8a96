"""Who somebody is, asked of Slack when it matters: at a click, and again at what is submitted."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import slack_code
from flywheel.settings.sections import ApprovalConfig
from flywheel.views import Actor

log = logging.getLogger(__name__)

_KEPT = 60.0  # seconds that the members of a group, and what a channel is, are believed
# Some ids of approvers are user groups; Slack calls those S….
_GROUP = "S"
_ALONE = frozenset("DUW")
_AWAY = (aiohttp.ClientError, TimeoutError, OSError)
_SILENT = (SlackApiError, *_AWAY)


class People:
    """What Slack knows of people, as far as it decides on rights.

    Where Slack does not say who somebody is, they decide nothing.
    """

    def __init__(self, client: AsyncWebClient, approval: ApprovalConfig) -> None:
        self._client = client
        listed = {
            *approval.approvers,
            *(name for names in approval.workloads.values() for name in names),
        }
        self._groups = sorted(name for name in listed if name.startswith(_GROUP))
        self._known: dict[tuple[str, str], tuple[float, Any]] = {}

    async def decider(self, actor: Actor, channel: str) -> Actor:
        """The same person with their groups, and barred where they may decide nothing."""
        try:
            barred = await self._barred(actor.id) or await self._barred_in(channel)
            groups = frozenset() if barred else await self._groups_of(actor.id)
        except SlackApiError as error:
            return actor.model_copy(update={"barred": _unknown(error)})
        except _AWAY:
            return actor.model_copy(update={"barred": "Slack does not answer who they are"})
        return actor.model_copy(update={"barred": barred, "groups": groups})

    async def _barred(self, user: str) -> str | None:
        found = (await self._client.users_info(user=user))["user"]
        if found.get("deleted"):
            return "their account is deactivated"
        if found.get("is_bot"):
            return "programs decide nothing"
        if found.get("is_restricted") or found.get("is_ultra_restricted"):
            return "guests decide nothing"
        home = await self._kept("team", "", self._team)
        if found.get("is_stranger") or found.get("team_id", home) != home:
            return "they belong to another workspace"
        return None

    async def _barred_in(self, channel: str) -> str | None:
        if channel[:1] in {"", *_ALONE}:  # with us alone: a direct message, or the Home tab
            return None
        shared = await self._kept("channel", channel, partial(self._shared, channel))
        return "nobody decides in a channel that another organisation shares" if shared else None

    async def _groups_of(self, user: str) -> frozenset[str]:
        found = set()
        for group in self._groups:
            try:
                members = await self._kept("group", group, partial(self._members, group))
            except _SILENT as error:  # whoever is listed by id decides all the same
                log.warning("the approvers in %s do not count: %s", group, _said(error))
                continue
            if user in members:
                found.add(group)
        return frozenset(found)

    async def _team(self) -> str:
        return str((await self._client.auth_test())["team_id"])

    async def _shared(self, channel: str) -> bool:
        found = (await self._client.conversations_info(channel=channel))["channel"]
        return bool(found.get("is_ext_shared") or found.get("is_pending_ext_shared"))

    async def _members(self, group: str) -> set[str]:
        return set((await self._client.usergroups_users_list(usergroup=group))["users"])

    async def _kept(self, kind: str, key: str, ask: Callable[[], Awaitable[Any]]) -> Any:
        now = asyncio.get_running_loop().time()
        known = self._known.get((kind, key))
        if known is None or known[0] + _KEPT < now:
            known = (now, await ask())
            self._known[kind, key] = known
        return known[1]


def _said(error: Exception) -> str:
    if isinstance(error, SlackApiError):
        return f"Slack says {slack_code(error)}"
    return f"Slack does not answer ({type(error).__name__})"


def _unknown(error: SlackApiError) -> str:
    code = slack_code(error)
    if code == "missing_scope":
        needed = error.response.get("needed", "users:read")
        return f"flywheel may not ask Slack who they are (its app lacks the scope {needed})"
    return f"Slack does not say who they are ({code})"
