"""What messages show, so that equal edits are skipped."""

import hashlib
import json
import logging

from slack_sdk.errors import SlackApiError

from bot.messenger import Messenger
from bot.refusals import meaning
from bot.views.message import Message

log = logging.getLogger(__name__)


class Screen:
    """Edits messages; forgetful, so the first edit after a restart is always made."""

    def __init__(self, messenger: Messenger) -> None:
        self._messenger = messenger
        self._shown: dict[tuple[str, str], str] = {}

    def note(self, channel: str, ts: str, shown: Message) -> None:
        """The message shows this."""
        self._shown[channel, ts] = _signature(shown)

    def forget(self, channel: str, ts: str) -> None:
        """Let the next edit be made, whatever it is."""
        self._shown.pop((channel, ts), None)

    async def edit(
        self, channel: str, ts: str, shown: Message, same: Message | None = None
    ) -> None:
        """Edit a message, unless it shows that already; `same` leaves out what merely ticks.

        What Slack takes in no form is left out: the next change is another edit. Raises
        SlackApiError.
        """
        signature = _signature(same or shown)
        if self._shown.get((channel, ts)) == signature:
            return
        try:
            await self._messenger.edit(channel, ts, shown)
        except SlackApiError as error:
            if meaning(error) != "too-much":
                raise
            log.error("an edit of %s in %s is left out", ts, channel)  # noqa: TRY400
        self._shown[channel, ts] = signature


def _signature(shown: Message) -> str:
    content = json.dumps([shown.text, shown.block_dicts()], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()
