"""The thread of a card: every event of the run once, in order.

An event is claimed before it is posted; a claim that was never confirmed is looked up in the
thread by its block id before anything is posted again.
"""

import asyncio
import logging
from datetime import timedelta

from slack_sdk.errors import SlackApiError

from bot.errors import slack_code
from bot.messenger import Messenger
from bot.models import SlackCard
from bot.refusals import AWAY, meaning
from bot.screen import Screen
from bot.store import Store
from bot.views.message import Message, message, section
from bot.views.results import event_block_id, results
from bot.views.text import mrkdwn
from flywheel.views import EventView, RunView

log = logging.getLogger(__name__)

DECISIONS = frozenset({"promoted", "rejected", "rolled-back", "superseded"})
_ON_THE_CARD = frozenset({"run-started"})  # the card itself says so


class Thread:
    """Posts what is new, and keeps the results up to date."""

    def __init__(
        self, store: Store, messenger: Messenger, screen: Screen, claim_age: timedelta
    ) -> None:
        self._store = store
        self._messenger = messenger
        self._screen = screen
        self._claim_age = claim_age

    async def show(
        self, row: SlackCard, thread: str, view: RunView, events: list[EventView]
    ) -> bool:
        """Post what is new; False where somebody else is posting. Raises SlackApiError."""
        posts = await self._store.posts(row)
        for event in events:
            post = posts.get(event.id)
            if event.kind in _ON_THE_CARD or (post is not None and post.state == "posted"):
                continue
            found = None
            if post is not None:
                if not await self._store.reclaim_post(post, self._claim_age):
                    return False
                found = await self._find(row, thread, event)
            elif not await self._store.claim_post(event.id, row.run_id, row.channel):
                return False
            if found is None:
                found = await self._post(row, thread, view, event, events)
            await self._store.posted(event.id, row.channel, found)
        await self._refresh_results(row, view, events)
        return True

    async def _find(self, row: SlackCard, thread: str, event: EventView) -> str | None:
        try:
            return await self._messenger.marked(row.channel, thread, event_block_id(event.id))
        except (SlackApiError, *AWAY):
            await self._store.doubt_post(event.id, row.channel)
            raise

    async def _post(
        self,
        row: SlackCard,
        thread: str,
        view: RunView,
        event: EventView,
        events: list[EventView],
    ) -> str | None:
        """The timestamp; None where Slack takes it in no form, so that it holds up no other."""
        shown = _event_message(view, event, events)
        try:
            async with asyncio.timeout(self._claim_age.total_seconds() * 2 / 3 or None):
                ts = await self._messenger.post(
                    row.channel, shown, thread, broadcast=event.kind == "run-completed"
                )
        except (SlackApiError, *AWAY) as error:
            match meaning(error):
                case "too-much":
                    log.error("event %d of r-%d is left out", event.id, row.run_id)  # noqa: TRY400
                    return None
                case "unsure":
                    await self._store.doubt_post(event.id, row.channel)
                case _:
                    await self._store.release_post(event.id, row.channel)
            raise
        self._screen.note(row.channel, ts, shown)
        return ts

    async def _refresh_results(
        self, row: SlackCard, view: RunView, events: list[EventView]
    ) -> None:
        """Edit the results once somebody has decided, or the decision has become void."""
        posts = await self._store.posts(row)
        for event in events:
            post = posts.get(event.id)
            if event.kind != "run-completed" or post is None or post.ts is None:
                continue
            shown = results(view, decisions(events), event.id)
            try:
                await self._screen.edit(row.channel, post.ts, shown)
            except SlackApiError as error:
                if meaning(error) != "gone":
                    raise
                log.info("the results of r-%d are gone: %s", row.run_id, slack_code(error))
                await self._store.posted(event.id, row.channel, None)


def decisions(events: list[EventView]) -> list[str]:
    """What people decided about a run's result, in order, one sentence each."""
    return [event.text for event in events if event.kind in DECISIONS]


def _event_message(view: RunView, event: EventView, events: list[EventView]) -> Message:
    if event.kind == "run-completed":
        return results(view, decisions(events), event.id)
    text = mrkdwn(event.text, 2900)
    return message(text, [section(text, event_block_id(event.id))])
