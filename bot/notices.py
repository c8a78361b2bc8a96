"""Messages on their own that are sent once, whichever processes try and die.

A message is claimed before it is sent. A claim that was never confirmed is looked up in its
channel by its block id, and sent again where it is not there. In a direct message nobody can look,
so there such a claim counts as sent: rather no word than the same word twice.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.claims import Claims
from bot.errors import slack_code
from bot.messenger import Messenger, carries
from bot.models import SlackNotice
from bot.refusals import meaning, seconds_to_wait
from bot.views.message import Message
from bot.views.text import is_user
from flywheel.db.engine import Database

log = logging.getLogger(__name__)

Compose = Callable[[], Awaitable[Message]]

_NEVER = frozenset(
    {"is_archived", "user_not_found", "user_disabled", "cannot_dm_bot", "messages_tab_disabled"}
)
_BACK_OFF = 30.0  # seconds, for a message that Slack refuses


class Notices:
    """Sends each message once, by its key."""

    def __init__(self, database: Database, messenger: Messenger, claim_seconds: float) -> None:
        self._messenger = messenger
        self._claims = Claims(database, claim_seconds)
        self._paused: dict[str, float] = {}

    async def send(self, key: str, to: str, compose: Compose) -> bool:
        """Send it, unless it was sent; whether it needs no more attention.

        `key` names the message and is the block id of one of its blocks.
        """
        if self._paused.get(key, 0.0) > asyncio.get_running_loop().time():
            return False
        row = await self._claims.find(key)
        if row is None:
            return await self._claims.take(key, to) and await self._post(key, to, compose)
        if row.state == "sent":
            return True
        if not await self._claims.take_over(row):
            return False
        if await self._may_be_there(row):
            return True
        return await self._post(key, to, compose)

    async def _may_be_there(self, row: SlackNotice) -> bool:
        """Whether a process that died has sent it; then that is settled."""
        ts = None
        if is_user(row.sent_to):
            log.warning("%s may not have been sent to %s", row.key, row.sent_to)
        elif (ts := await self._find(row)) is None:
            return False
        await self._claims.confirm(row.key, ts)
        return True

    async def _post(self, key: str, to: str, compose: Compose) -> bool:
        try:
            async with asyncio.timeout(self._claims.age.total_seconds() * 2 / 3 or None):
                ts = await self._messenger.post(to, await compose())
        except aiohttp.ClientConnectorError as error:
            log.warning("Slack cannot be reached, so %s has to wait: %s", key, error)
            await self._later(key)
            return False
        except SlackApiError as error:
            return await self._refused(key, to, error)
        await self._claims.confirm(key, ts)
        return True

    async def _refused(self, key: str, to: str, error: SlackApiError) -> bool:
        code, means = slack_code(error), meaning(error)
        log.warning("Slack refuses to send %s to %s (%s)", key, to, code)
        if code in _NEVER or means == "too-much" or (is_user(to) and code == "channel_not_found"):
            await self._claims.confirm(key, None)
            return True
        if means == "unsure" and not is_user(to):  # it may be there: who takes over looks first
            self._pause(key, _BACK_OFF)
            return False
        await self._later(key, seconds_to_wait(error))
        return False

    async def _find(self, row: SlackNotice) -> str | None:
        try:
            page = await self._messenger.client.conversations_history(
                channel=row.sent_to, oldest=f"{row.created_at.timestamp() - 60:.6f}", limit=200
            )
        except SlackApiError as error:  # then it could not be posted either
            log.info("%s cannot be looked up in %s (%s)", row.key, row.sent_to, slack_code(error))
            return None
        for posted in page["messages"]:
            if carries(posted, row.key):
                return str(posted["ts"])
        return None

    async def _later(self, key: str, seconds: float = 0.0) -> None:
        """Give the claim back: the message is not there, and is tried again after a while."""
        self._pause(key, max(seconds, _BACK_OFF))
        await self._claims.release(key)

    def _pause(self, key: str, seconds: float) -> None:
        self._paused[key] = asyncio.get_running_loop().time() + seconds
