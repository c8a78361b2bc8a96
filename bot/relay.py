"""From the outbox into Slack: one card per run and channel, edited; one message per event in its
thread.

Everything that it needs to go on after a restart is in the database. An event is claimed before
it is posted; a claim that was never confirmed is looked up in the thread by its block id before
anything is posted again.
"""

import asyncio
import hashlib
import json
import logging
from contextlib import suppress
from datetime import timedelta

from slack_sdk.errors import SlackApiError

from bot.errors import slack_code
from bot.messenger import Messenger, carries
from bot.models import SlackCard
from bot.refusals import BackOff, meaning
from bot.store import Store
from bot.views.card import ENDED, card, card_block_id, gone, still
from bot.views.message import Message, message, section
from bot.views.results import event_block_id, results
from bot.views.text import mrkdwn
from flywheel.clock import utc_now
from flywheel.errors import NotFoundError
from flywheel.ports.backends import Backends
from flywheel.service.runs import get_run, run_events, run_versions
from flywheel.views import EventView, RunView

log = logging.getLogger(__name__)

DECISIONS = frozenset({"promoted", "rejected", "rolled-back", "superseded"})
_ON_THE_CARD = frozenset({"run-started"})  # the card itself says so
_FOLLOWED = 200  # runs; what happens to older ones is not shown any more
_GIVE_UP = timedelta(days=1)  # for a card in a channel that the bot is not invited to
_OLD = timedelta(seconds=30)  # for the times and places in line on a card
_FIRST_PAUSE, _BACK_OFF = 1.0, 30.0  # seconds, for a run that Slack refuses to show
_NO_ACCESS = 60.0  # seconds, where Slack does not know the bot any more
_ALL = "slack"


class Relay:
    """Keeps Slack in step with the runs that have a card."""

    def __init__(
        self,
        backends: Backends,
        messenger: Messenger,
        *,
        workspace: str | None = None,
        claim_seconds: float = 90.0,
    ) -> None:
        self.store = Store(backends.database, workspace)
        self._backends = backends
        self._messenger = messenger
        self._claim_age = timedelta(seconds=claim_seconds)
        self._edit_seconds = backends.settings.slack_config.edit_seconds
        self._nudge = asyncio.Event()
        self._shown: dict[
            tuple[str, str], str
        ] = {}  # what a message shows, so that equal edits are skipped
        self._back_off = BackOff(_FIRST_PAUSE, _BACK_OFF)

    async def run(self, stop: asyncio.Event) -> None:
        """Look for changes until `stop` is set."""
        pause = min(max(self._edit_seconds, 0.2), 2.0)
        while not stop.is_set():
            self._nudge.clear()
            try:
                await self.tick()
            except Exception:
                log.exception("a look for changes failed; the next one follows")
                await asyncio.sleep(pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._nudge.wait(), pause)

    def nudge(self) -> None:
        """Look now: something has happened."""
        self._nudge.set()

    async def announce(self, view: RunView, channel: str) -> None:
        """Post the card of a new run. Raises SlackApiError where Slack refuses."""
        if not await self.store.claim_card(number(view.id), channel):
            return
        await self._post_card(number(view.id), channel, view)
        self.nudge()

    async def tick(self) -> None:
        """Bring every card that is behind up to date, as far as the pace of edits allows."""
        cards = await self.store.newest_cards(_FOLLOWED)
        if not cards:
            return
        versions = await run_versions(self._backends, [ref(c) for c in cards])
        for row in cards:
            key, now = f"{row.run_id}/{row.channel}", asyncio.get_running_loop().time()
            if self._back_off.paused(_ALL, now) or self._back_off.paused(key, now):
                continue
            try:
                await self._bring_up_to_date(row, versions.get(ref(row)))
                self._back_off.worked(key)
            except SlackApiError as error:
                await self._refused(row, key, error)
            except Exception:
                log.exception("%s could not be shown", ref(row))
                self._back_off.failed(key, now, _BACK_OFF)

    async def _bring_up_to_date(self, row: SlackCard, version: int | None) -> None:
        if version is None:
            if row.ts is not None:
                await self._say_gone(row, row.ts)
            await self.store.forget(row)
        elif row.ts is None:
            await self._recover_card(row)
        elif self._may_edit(row) and (version != row.shown_version or _is_old(row)):
            with suppress(NotFoundError):  # deleted since: the next look shows that
                await self._show(row, row.ts, version)

    async def _say_gone(self, row: SlackCard, ts: str) -> None:
        """On the card of a deleted run, and wherever its thread still has buttons."""
        await self._messenger.edit(row.channel, ts, gone(ref(row)))
        async for reply in self._messenger.thread(row.channel, ts):
            if any(block.get("type") == "actions" for block in reply.get("blocks", [])):
                await self._messenger.edit(row.channel, str(reply["ts"]), gone(ref(row)))

    def _may_edit(self, row: SlackCard) -> bool:
        return (utc_now() - row.shown_at).total_seconds() >= self._edit_seconds

    async def _show(self, row: SlackCard, ts: str, version: int) -> None:
        # In this order: the view holds all that the events tell, the events all up to `version`.
        events = await run_events(self._backends, ref(row))
        view = await get_run(self._backends, ref(row))
        ended = view.status in ENDED
        if view.status == "running" and _is_old(row):
            self._shown.pop((row.channel, ts), None)  # time has passed, which the card says
        if ended and not await self._show_events(row, ts, view, events):
            return  # the card says last that it is over
        await self._edit(row.channel, ts, card(view, utc_now()), same=still(view))
        await self.store.card_edited(row, utc_now())
        if ended or await self._show_events(row, ts, view, events):
            await self.store.shown(row, version, ended)

    async def _show_events(
        self, row: SlackCard, thread: str, view: RunView, events: list[EventView]
    ) -> bool:
        """Post what is new, in order; False where somebody else is posting."""
        posts = await self.store.posts(row)
        for event in events:
            post = posts.get(event.id)
            if event.kind in _ON_THE_CARD or (post is not None and post.state == "posted"):
                continue
            found = None
            if post is not None:
                if not await self.store.reclaim_post(post, self._claim_age):
                    return False
                found = await self._messenger.marked(row.channel, thread, event_block_id(event.id))
            elif not await self.store.claim_post(event.id, row.run_id, row.channel):
                return False
            if found is None:
                found = await self._post_event(row, thread, view, event, events)
            await self.store.posted(event.id, row.channel, found)
        await self._refresh_results(row, view, events)
        return True

    async def _post_event(
        self,
        row: SlackCard,
        thread: str,
        view: RunView,
        event: EventView,
        events: list[EventView],
    ) -> str:
        shown = self._event_message(view, event, events)
        try:
            async with asyncio.timeout(self._claim_age.total_seconds() * 2 / 3 or None):
                ts = await self._messenger.post(
                    row.channel, shown, thread, broadcast=event.kind == "run-completed"
                )
        except SlackApiError:
            await self.store.release_post(event.id, row.channel)
            raise
        self._shown[row.channel, ts] = _signature(shown)
        return ts

    def _event_message(self, view: RunView, event: EventView, events: list[EventView]) -> Message:
        if event.kind == "run-completed":
            return results(view, decisions(events), event.id)
        text = mrkdwn(event.text, 2900)
        return message(text, [section(text, event_block_id(event.id))])

    async def _refresh_results(
        self, row: SlackCard, view: RunView, events: list[EventView]
    ) -> None:
        """Edit the results once somebody has decided, or the decision has become void."""
        posts = await self.store.posts(row)
        for event in events:
            post = posts.get(event.id)
            if event.kind == "run-completed" and post is not None and post.ts is not None:
                await self._edit(row.channel, post.ts, results(view, decisions(events), event.id))

    async def _post_card(self, run_id: int, channel: str, view: RunView) -> None:
        shown = card(view, utc_now())
        ts = await self._messenger.post(channel, shown)
        self._shown[channel, ts] = _signature(still(view))
        await self.store.card_posted(run_id, channel, ts)

    async def _recover_card(self, row: SlackCard) -> None:
        """Find, or else post, a card whose posting was never confirmed."""
        if not await self.store.reclaim_card(row, self._claim_age):
            return
        view = await get_run(self._backends, ref(row))
        if view.finished_at is not None and utc_now() - view.finished_at > _GIVE_UP:
            log.warning("%s never got a card: Slack does not let me post there", ref(row))
            await self.store.forget(row)
            return
        page = await self._messenger.client.conversations_history(
            channel=row.channel, oldest=f"{view.created_at.timestamp() - 60:.6f}", limit=200
        )
        for posted in page["messages"]:
            if carries(posted, card_block_id(view.id)):
                await self.store.card_posted(row.run_id, row.channel, str(posted["ts"]))
                return
        await self._post_card(row.run_id, row.channel, view)

    async def _edit(
        self, channel: str, ts: str, shown: Message, same: Message | None = None
    ) -> None:
        """Edit a message, unless it shows that already; `same` leaves out what merely ticks."""
        signature = _signature(same or shown)
        if self._shown.get((channel, ts)) == signature:
            return
        await self._messenger.edit(channel, ts, shown)
        self._shown[channel, ts] = signature

    async def _refused(self, row: SlackCard, key: str, error: SlackApiError) -> None:
        code, now = slack_code(error), asyncio.get_running_loop().time()
        match meaning(error):
            case "gone":
                log.warning("%s is not shown any more: Slack says %s", ref(row), code)
                await self.store.forget(row)
            case "no-access":
                log.error(
                    "Slack does not accept the bot any more (%s): runs go on, and nothing is shown "
                    "until SLACK_BOT_TOKEN is one that works",
                    code,
                )
                self._back_off.failed(_ALL, now, _NO_ACCESS)
            case "no-place":
                log.warning("Slack refuses to show %s (%s); trying again later", ref(row), code)
                self._back_off.failed(key, now, _BACK_OFF)
            case _:
                log.warning("Slack cannot show %s now (%s); trying again soon", ref(row), code)
                self._back_off.failed(key, now)


def _is_old(row: SlackCard) -> bool:
    """Whether a card that is not final says how things stood some time ago."""
    return not row.final and utc_now() - row.shown_at >= _OLD


def decisions(events: list[EventView]) -> list[str]:
    """What people decided about a run's result, in order, one sentence each."""
    return [event.text for event in events if event.kind in DECISIONS]


def ref(row: SlackCard) -> str:
    """The name of the run that a card shows."""
    return f"r-{row.run_id}"


def number(run_id: str) -> int:
    """The number in a run's name."""
    return int(run_id.removeprefix("r-"))


def _signature(shown: Message) -> str:
    content = json.dumps([shown.text, shown.block_dicts()], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()
