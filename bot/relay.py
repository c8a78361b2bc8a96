"""From the outbox into Slack: one card per run and channel, edited, with its thread.

Everything that it needs to go on after a restart is in the database. A card that Slack refuses
waits, or is given up; it never keeps the others from being shown.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta

from slack_sdk.errors import SlackApiError

from bot.errors import slack_code
from bot.messenger import Messenger, carries
from bot.models import SlackCard
from bot.refusals import AWAY, GIVEN_UP, BackOff, Meaning, meaning, seconds_to_wait
from bot.screen import Screen
from bot.store import Store
from bot.thread import Thread
from bot.views.card import ENDED, card, card_block_id, gone, still
from flywheel.clock import utc_now
from flywheel.errors import NotFoundError
from flywheel.ports.backends import Backends
from flywheel.service.runs import run_events, run_for_a_channel, run_versions
from flywheel.views import RunView

log = logging.getLogger(__name__)

_FOLLOWED = 200  # runs; what happens to older ones is not shown any more
_GIVE_UP = timedelta(days=1)  # for a card in a channel that the bot is not invited to
_OLD = timedelta(seconds=30)  # for the times and places in line on a card
_FIRST_PAUSE, _BACK_OFF = 1.0, 30.0  # seconds, for a run that Slack refuses to show
_UNSURE = 5.0  # seconds until what Slack may have done can be seen


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
        self._messenger = messenger.hasty()
        self._claim_age = timedelta(seconds=claim_seconds)
        self._edit_seconds = backends.settings.slack_config.edit_seconds
        self._nudge = asyncio.Event()
        self._screen = Screen(self._messenger)
        self._thread = Thread(self.store, self._messenger, self._screen, self._claim_age)
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
        """Post the card of a new run.

        Raises SlackApiError where Slack refuses it for good, or until somebody does something;
        where it is merely busy the card comes later.
        """
        if not await self.store.claim_card(number(view.id), channel):
            return
        try:
            await self._post_card(number(view.id), channel, view)
        except (SlackApiError, *AWAY) as error:
            self._wait(_key(number(view.id), channel), error)
            if meaning(error) not in {"busy", "unsure"}:
                raise
            log.warning("the card of %s comes later: %s", view.id, error)
        self.nudge()

    async def tick(self) -> None:
        """Bring every card that is behind up to date, as far as the pace of edits allows."""
        cards = await self.store.newest_cards(_FOLLOWED)
        if not cards or not await self._messenger.access.granted():
            return
        versions = await run_versions(self._backends, [ref(c) for c in cards])
        for row in cards:
            key, now = _key(row.run_id, row.channel), asyncio.get_running_loop().time()
            if self._back_off.paused(key, now):
                continue
            try:
                await self._bring_up_to_date(row, versions.get(ref(row)))
            except (SlackApiError, *AWAY) as error:
                self._wait(key, error)
                if await self._refused(row, error) == "no-access":
                    return
            except Exception:
                log.exception("%s could not be shown", ref(row))
                self._back_off.failed(key, now, _BACK_OFF)
            else:
                self._back_off.worked(key)
                if row.trouble and row.ts is not None:
                    await self.store.note_trouble(row.run_id, row.channel, "")

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
        try:
            await self._messenger.edit(row.channel, ts, gone(ref(row)))
            async for reply in self._messenger.thread(row.channel, ts):
                if any(block.get("type") == "actions" for block in reply.get("blocks", [])):
                    await self._messenger.edit(row.channel, str(reply["ts"]), gone(ref(row)))
        except SlackApiError as error:
            if slack_code(error) not in GIVEN_UP:
                raise
            log.info("%s was deleted, and its card with it: %s", ref(row), slack_code(error))

    def _may_edit(self, row: SlackCard) -> bool:
        return (utc_now() - row.shown_at).total_seconds() >= self._edit_seconds

    async def _show(self, row: SlackCard, ts: str, version: int) -> None:
        # In this order: the view holds all that the events tell, the events all up to `version`.
        events = await run_events(self._backends, ref(row))
        view = await run_for_a_channel(self._backends, ref(row))
        ended = view.status in ENDED
        if view.status == "running" and _is_old(row):
            self._screen.forget(row.channel, ts)  # time has passed, which the card says
        if ended and not await self._thread.show(row, ts, view, events):
            return  # the card says last that it is over
        await self._screen.edit(row.channel, ts, card(view, utc_now()), same=still(view))
        await self.store.card_edited(row, utc_now())
        if ended or await self._thread.show(row, ts, view, events):
            await self.store.shown(row, version, ended)

    async def _post_card(self, run_id: int, channel: str, view: RunView) -> None:
        try:
            ts = await self._messenger.post(channel, card(view, utc_now()))
        except (SlackApiError, *AWAY):
            await self.store.doubt_card(run_id, channel)
            raise
        self._screen.note(channel, ts, still(view))
        await self.store.card_posted(run_id, channel, ts)

    async def _recover_card(self, row: SlackCard) -> None:
        """Find, or else post, a card whose posting was never confirmed."""
        if not await self.store.reclaim_card(row, self._claim_age):
            return
        view = await run_for_a_channel(self._backends, ref(row))
        if view.finished_at is not None and utc_now() - view.finished_at > _GIVE_UP:
            log.warning("%s never got a card: Slack does not let me post there", ref(row))
            await self.store.forget(row)
            return
        try:
            page = await self._messenger.client.conversations_history(
                channel=row.channel, oldest=f"{view.created_at.timestamp() - 60:.6f}", limit=200
            )
        except (SlackApiError, *AWAY):
            await self.store.doubt_card(row.run_id, row.channel)
            raise
        for posted in page["messages"]:
            if carries(posted, card_block_id(view.id)):
                await self.store.card_posted(row.run_id, row.channel, str(posted["ts"]))
                return
        await self._post_card(row.run_id, row.channel, view)

    def _wait(self, key: str, error: Exception) -> None:
        """Pause one card: as long as Slack asks, until it may be well again, or until invited."""
        now = asyncio.get_running_loop().time()
        asked = seconds_to_wait(error) if isinstance(error, SlackApiError) else _UNSURE
        self._back_off.failed(key, now, _BACK_OFF if meaning(error) == "no-place" else asked)

    async def _refused(self, row: SlackCard, error: Exception) -> Meaning:
        """Note what a refusal means for a card; docs/slack.md has it in words."""
        code = slack_code(error) if isinstance(error, SlackApiError) else type(error).__name__
        means = meaning(error)
        match means:
            case "gone" | "closed":
                log.warning("%s is not shown any more: Slack says %s", ref(row), code)
                await self.store.note_trouble(row.run_id, row.channel, code)
            case "no-place" if row.ts is not None:  # else they were told when they asked for it
                log.warning("Slack refuses to show %s (%s); trying again later", ref(row), code)
                await self.store.note_trouble(row.run_id, row.channel, code)
            case "no-access":
                assert isinstance(error, SlackApiError)
                self._messenger.access.lost(code)
            case "too-much":
                log.error("%s gets no card: Slack takes it in no form (%s)", ref(row), code)
                await self.store.forget(row)
            case _:
                log.warning("Slack cannot show %s now (%s); trying again soon", ref(row), code)
        return means


def _is_old(row: SlackCard) -> bool:
    """Whether a card that is not final says how things stood some time ago."""
    return not row.final and utc_now() - row.shown_at >= _OLD


def _key(run_id: int, channel: str) -> str:
    return f"{run_id}/{channel}"


def ref(row: SlackCard) -> str:
    """The name of the run that a card shows."""
    return f"r-{row.run_id}"


def number(run_id: str) -> int:
    """The number in a run's name."""
    return int(run_id.removeprefix("r-"))
