"""Who somebody is, asked of Slack when it matters: at a click, and again at what is submitted."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import slack_code
from flywheel.settings.access import AccessConfig
from flywheel.settings.sections import ApprovalConfig
from flywheel.views import Actor

log = logging.getLogger(__name__)

_PAGE, _MOST_PAGES = 200, 10  # members that Slack is asked for at a time, and how often
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

    def __init__(
        self,
        client: AsyncWebClient,
        approval: ApprovalConfig,
        access: AccessConfig = AccessConfig(),  # noqa: B008 - it is fixed once made
    ) -> None:
        self._client = client
        self._deciding = _groups_in(approval.approvers, *approval.workloads.values())
        self._seeing = _groups_in(*access.workloads.values())
        self._known: dict[tuple[str, str], tuple[float, Any]] = {}

    async def viewer(self, actor: Actor) -> Actor:
        """The same person with those of their groups that see what not everybody sees."""
        groups = await self._groups_of(actor.id, self._seeing)
        return actor.model_copy(update={"groups": actor.groups | groups})

    async def decider(self, actor: Actor, channel: str) -> Actor:
        """The same person with their groups, and barred where they may decide nothing."""
        try:
            barred = await self._barred(actor.id) or await self._barred_in(channel)
            found = frozenset() if barred else await self._groups_of(actor.id, self._deciding)
        except SlackApiError as error:
            return actor.model_copy(update={"barred": _unknown(error)})
        except _AWAY:
            return actor.model_copy(update={"barred": "Slack does not answer who they are"})
        return actor.model_copy(update={"barred": barred, "groups": actor.groups | found})

    async def all_see(self, channel: str, sees: Callable[[Actor], bool]) -> bool:
        """Whether nobody reads a channel who may not see something.

        Anybody may read a public one. Where Slack does not say who reads it, or too many do to
        look at each, somebody might.
        """
        if channel[:1] in _ALONE:
            return True
        try:
            members = await self._readers(channel)
            if members is None:
                return False
            viewers = [
                await self.viewer(Actor(id=user, name=user, origin="slack")) for user in members
            ]
        except _SILENT as error:
            log.warning("who reads %s is not known: %s", channel, _said(error))
            return False
        return all(sees(viewer) for viewer in viewers)

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

    async def _groups_of(self, user: str, groups: Sequence[str]) -> frozenset[str]:
        found = set()
        for group in groups:
            try:
                members = await self._kept("group", group, partial(self._members, group))
            except _SILENT as error:  # whoever is listed by id decides all the same
                log.warning("the people in %s do not count: %s", group, _said(error))
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

    async def _readers(self, channel: str) -> list[str] | None:
        """Everybody but us who reads a channel; None where others may, or they are too many."""
        found = (await self._client.conversations_info(channel=channel))["channel"]
        if found.get("is_im"):
            return []
        alone = found.get("is_private") or found.get("is_mpim")
        if not alone or found.get("is_ext_shared") or found.get("is_pending_ext_shared"):
            return None
        us = str((await self._client.auth_test())["user_id"])
        members: list[str] = []
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            page = await self._client.conversations_members(
                channel=channel, limit=_PAGE, cursor=cursor
            )
            members += page["members"]
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return [user for user in members if user != us]
        return None

    async def _kept(self, kind: str, key: str, ask: Callable[[], Awaitable[Any]]) -> Any:
        now = asyncio.get_running_loop().time()
        known = self._known.get((kind, key))
        if known is None or known[0] + _KEPT < now:
            known = (now, await ask())
            self._known[kind, key] = known
        return known[1]


def _groups_in(*lists: Sequence[str]) -> list[str]:
    return sorted({name for names in lists for name in names if name.startswith(_GROUP)})


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
