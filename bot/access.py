"""Whether Slack takes the bot's token: once it does not, nothing is sent unasked."""

import asyncio
import logging

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.refusals import AWAY

log = logging.getLogger(__name__)

_PAUSE = 60.0  # seconds between two looks whether it is taken again


class Access:
    """Shared by all that send; says once that the token is refused, and once that it works."""

    def __init__(self, client: AsyncWebClient, pause: float = _PAUSE) -> None:
        self._client = client
        self._pause = pause
        self._refused = False
        self._look_at = 0.0

    def lost(self, code: str) -> None:
        """Slack has refused the token."""
        if self._refused:
            return
        self._refused = True
        self._look_at = asyncio.get_running_loop().time() + self._pause
        log.error(
            "Slack does not accept the bot any more (%s): runs go on, and nothing is shown until "
            "SLACK_BOT_TOKEN is one that works; `flywheel doctor` says whether it does",
            code,
        )

    async def granted(self) -> bool:
        """Whether there is sense in sending; asks Slack now and then after a refusal."""
        if not self._refused:
            return True
        now = asyncio.get_running_loop().time()
        if now < self._look_at:
            return False
        self._look_at = now + self._pause
        try:
            await self._client.auth_test()
        except (SlackApiError, *AWAY):
            return False
        self._refused = False
        log.warning("Slack accepts the bot again")
        return True
