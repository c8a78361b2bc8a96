"""Sending: the one place that calls Slack's Web API for messages."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from copy import copy
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import ClientConnectorError
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
)
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.access import Access
from bot.errors import UndeliveredError, slack_code
from bot.refusals import AWAY, meaning, retry_after
from bot.views.message import Message, in_plain_words
from bot.views.tables import has_data_table, with_plain_tables

log = logging.getLogger(__name__)

Blocks = list[dict[str, Any]]
Done = TypeVar("Done")

# Methods that do the same however often they are called.
_POSTS_NOTHING = frozenset(
    {
        "auth.test",
        "chat.update",
        "chat.getPermalink",
        "conversations.history",
        "conversations.info",
        "conversations.members",
        "conversations.replies",
        "usergroups.users.list",
        "users.info",
        "views.publish",
        "views.update",
    }
)
_LONGEST_WAIT = 20.0  # seconds that somebody waits for an answer without a word
_LOOK = 1.0  # seconds until Slack shows what it may have posted
_WITHIN_SECONDS = frozenset({"views.open", "views.push"})  # then their trigger is void
_BAD_BLOCKS = "invalid_blocks"
_NOT_HERE = frozenset({"user_not_in_channel", "not_in_channel", "channel_not_found", "is_archived"})


class _BrokenConnection(AsyncConnectionErrorRetryHandler):
    """Tries once more, unless Slack may have posted already what would be posted again."""

    async def _can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        posts = not request.url or request.url.rpartition("/")[2] not in _POSTS_NOTHING
        if posts and not isinstance(error, ClientConnectorError):
            return False
        return await super()._can_retry_async(
            state=state, request=request, response=response, error=error
        )


class _TooMany(AsyncRateLimitErrorRetryHandler):
    """Waits as long as Slack asks, unless what is called would be in vain by then."""

    async def _can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        if request.url and request.url.rpartition("/")[2] in _WITHIN_SECONDS:
            return False
        if response is not None and retry_after(response.headers) > _LONGEST_WAIT:
            return False
        return await super()._can_retry_async(
            state=state, request=request, response=response, error=error
        )


def retry_handlers() -> list[AsyncRetryHandler]:
    """Wait as long as Slack asks where it says 429; try once more where a connection breaks."""
    return [_BrokenConnection(), _TooMany(max_retry_count=3)]


@dataclass
class _Learnt:
    """What a workspace has shown of itself."""

    plain_tables: bool = False  # it has refused one that sorts


class Messenger:
    """Posts and edits messages; links are never unfurled."""

    def __init__(self, client: AsyncWebClient) -> None:
        self.client = client
        self.access = Access(client)
        self._learnt = _Learnt()

    def hasty(self) -> "Messenger":
        """The same for what nobody waits for: 429 raises, so that the newest is sent later."""
        other = copy(self)
        other.client = copy(self.client)
        other.client.retry_handlers = [_BrokenConnection()]
        return other

    async def post(
        self, channel: str, sent: Message, thread_ts: str | None = None, broadcast: bool = False
    ) -> str:
        """Post a message and return its timestamp, which is its name. Raises SlackApiError."""

        async def call(blocks: Blocks) -> str:
            response = await self.client.chat_postMessage(
                channel=channel,
                text=sent.text,
                blocks=blocks,
                thread_ts=thread_ts,
                reply_broadcast=broadcast or None,
                unfurl_links=False,
                unfurl_media=False,
            )
            return str(response["ts"])

        return await self._as_it_fits(sent, call)

    async def post_once(self, channel: str, sent: Message, thread_ts: str, mark: str) -> str:
        """Post in a thread; where Slack does not say whether it has, look for the mark first.

        `mark` is the block id of one of its blocks. Raises SlackApiError.
        """
        try:
            return await self.post(channel, sent, thread_ts)
        except (SlackApiError, *AWAY) as error:
            if meaning(error) != "unsure":
                raise
            log.warning("whether %s is posted is not known: %s", mark, error)
        await asyncio.sleep(_LOOK)
        found = await self.marked(channel, thread_ts, mark)
        return found or await self.post(channel, sent, thread_ts)

    async def edit(self, channel: str, ts: str, shown: Message) -> None:
        """Replace what a message shows. Raises SlackApiError."""

        async def call(blocks: Blocks) -> None:
            await self.client.chat_update(channel=channel, ts=ts, text=shown.text, blocks=blocks)

        await self._as_it_fits(shown, call)

    async def permalink(self, channel: str, ts: str) -> str | None:
        """The address of a message; None where Slack does not say."""
        try:
            found = await self.client.chat_getPermalink(channel=channel, message_ts=ts)
        except SlackApiError as error:
            log.info("Slack gives no link to %s in %s: %s", ts, channel, slack_code(error))
            return None
        return str(found["permalink"])

    async def thread(self, channel: str, ts: str) -> AsyncIterator[dict[str, Any]]:
        """The messages of a thread, its parent first. Raises SlackApiError."""
        cursor: str | None = None
        while True:
            page = await self.client.conversations_replies(
                channel=channel, ts=ts, limit=200, cursor=cursor
            )
            for reply in page["messages"]:
                yield reply
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return

    async def marked(self, channel: str, ts: str, block_id: str) -> str | None:
        """The message of a thread that has this mark: its timestamp. Raises SlackApiError."""
        async for reply in self.thread(channel, ts):
            if carries(reply, block_id):
                return str(reply["ts"])
        return None

    async def whisper(
        self, channel: str, user: str, sent: Message, thread_ts: str | None = None
    ) -> None:
        """Tell one person something; directly where they are not in the channel."""

        async def call(blocks: Blocks) -> None:
            await self.client.chat_postEphemeral(
                channel=channel, user=user, text=sent.text, blocks=blocks, thread_ts=thread_ts
            )

        try:
            await self._as_it_fits(sent, call)
        except SlackApiError as error:
            if slack_code(error) not in _NOT_HERE:
                raise
            await self.post(user, sent)

    async def respond(
        self, response_url: str, sent: Message, *, public: bool = False, replace: bool = False
    ) -> None:
        """Answer a command or click: to the person alone, unless `public`.

        Raises UndeliveredError where Slack does not take it, e.g. after half an hour.
        """
        webhook = AsyncWebhookClient(
            response_url, session=self.client.session, retry_handlers=retry_handlers()
        )
        webhook.proxy = self.client.proxy

        async def call(blocks: Blocks) -> None:
            response = await webhook.send(
                text=sent.text,
                blocks=blocks,
                response_type="in_channel" if public else "ephemeral",
                replace_original=replace,
                unfurl_links=False,
                unfurl_media=False,
            )
            if _BAD_BLOCKS in (response.body or ""):
                raise SlackApiError("Slack refuses the blocks", {"error": _BAD_BLOCKS})  # type: ignore[no-untyped-call]
            if response.status_code != 200:
                raise UndeliveredError(f"HTTP {response.status_code}", sent)

        await self._as_it_fits(sent, call)

    async def _as_it_fits(self, sent: Message, call: Callable[[Blocks], Awaitable[Done]]) -> Done:
        """Send it; in plain words where Slack does not take it as it is."""
        try:
            return await self._with_tables(sent, call)
        except SlackApiError as error:
            match meaning(error):
                case "no-access":
                    self.access.lost(slack_code(error))
                    raise
                case "too-much":
                    error_id = secrets.token_hex(4)
                    log.warning(
                        "Slack does not take a message (%s, %s): %s; it gets plain words instead",
                        error_id,
                        slack_code(error),
                        _details(error),
                    )
                    return await call(in_plain_words(sent, error_id).block_dicts())
                case _:
                    raise

    async def _with_tables(self, sent: Message, call: Callable[[Blocks], Awaitable[Done]]) -> Done:
        """Send it, with plain tables where this workspace takes no others."""
        blocks = sent.block_dicts()
        if not has_data_table(blocks):
            return await call(blocks)
        if not self._learnt.plain_tables:
            try:
                return await call(blocks)
            except SlackApiError as error:
                if slack_code(error) != _BAD_BLOCKS:
                    raise
        done = await call(with_plain_tables(blocks))
        if not self._learnt.plain_tables:
            log.info("this workspace has no tables that sort; it gets plain ones from now on")
            self._learnt.plain_tables = True
        return done


def carries(posted: dict[str, Any], block_id: str) -> bool:
    """Whether a message is the one with this mark."""
    return any(block.get("block_id") == block_id for block in posted.get("blocks", []))


def _details(error: SlackApiError) -> str:
    """What Slack says is wrong with a message."""
    metadata = error.response.get("response_metadata") or {}
    return "; ".join(metadata.get("messages", [])) or "no reason given"
