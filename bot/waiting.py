"""What is shown while a language model looks things up: one message, which becomes the answer."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from slack_sdk.errors import SlackApiError

from bot.errors import slack_code
from bot.messenger import Messenger
from bot.refusals import AWAY
from bot.views.answers import moved, waiting
from bot.views.message import Message

log = logging.getLogger(__name__)

_PACE = 1.0  # seconds between two edits


class Waiting:
    """A message in a thread. Where Slack does not take it, the answer comes without one."""

    def __init__(self, messenger: Messenger, channel: str, thread: str, mark: str) -> None:
        self._messenger = messenger
        self._channel, self._thread, self._mark = channel, thread, mark
        self._ts: str | None = None
        self._edited = 0.0

    async def begin(self, again: bool) -> None:
        """Say that somebody is at work; `again`: it may have been said before a restart."""
        mark = f"waiting:{self._mark}"
        try:
            if again:
                self._ts = await self._messenger.marked(self._channel, self._thread, mark)
            if self._ts is None:
                shown = waiting("Looking", self._mark)
                self._ts = await self._messenger.post_once(self._channel, shown, self._thread, mark)
        except (SlackApiError, *AWAY) as error:
            log.info("nobody is told that an answer is being looked for: %s", error)
        self._edited = asyncio.get_running_loop().time()

    async def tell(self, words: str) -> None:
        """What is being looked at; not more often than messages may be edited."""
        now = asyncio.get_running_loop().time()
        if self._ts is None or now - self._edited < _PACE:
            return
        self._edited = now
        await self._try(waiting(words, self._mark))

    async def end(self, shown: Message | None, post: Callable[[], Awaitable[object]]) -> None:
        """The answer in its place, else by `post`; None: it went to one person alone."""
        if self._ts is None:
            await post()
        elif shown is None:
            await post()
            await self._try(moved())
        elif not await self._try(shown):
            await post()

    async def _try(self, shown: Message) -> bool:
        assert self._ts is not None
        try:
            await self._messenger.edit(self._channel, self._ts, shown)
        except (SlackApiError, *AWAY) as error:
            code = slack_code(error) if isinstance(error, SlackApiError) else error
            log.info("a message that waits for an answer cannot be edited: %s", code)
            return False
        return True
