"""What nobody has just asked for in Slack: runs that others have started, schedules in trouble,
and the word to whoever asked for a run that has ended.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from slack_sdk.errors import SlackApiError

from bot.errors import slack_code
from bot.messenger import Messenger
from bot.models import SlackCard
from bot.notices import Notices
from bot.parsing.usage import in_slack
from bot.refusals import meaning_of
from bot.relay import Relay, number
from bot.store import CONSOLE
from bot.views.card import ENDED
from bot.views.message import Message, message, section
from bot.views.outcome import outcome, unshown
from bot.views.text import is_user, mrkdwn, with_people
from flywheel.clock import happens, utc_now
from flywheel.errors import NotFoundError
from flywheel.ports.backends import Backends
from flywheel.service.runs import get_run
from flywheel.service.schedules import ScheduleNotice, notice_told, notices
from flywheel.views import RunView

log = logging.getLogger(__name__)

_TOO_OLD = timedelta(days=1)  # what happened before then is no news any more
_PAUSE = 2.0  # seconds between two looks


class Announcements:
    """Looks for what is to be said, and says it once."""

    def __init__(
        self,
        backends: Backends,
        messenger: Messenger,
        relay: Relay,
        *,
        workspace: str | None = None,
        claim_seconds: float = 90.0,
    ) -> None:
        self._backends = backends
        self._messenger = messenger.hasty()
        self._relay = relay
        self._workspace = workspace
        self._notices = Notices(backends.database, self._messenger, claim_seconds)
        self._settled: set[str] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set."""
        pause = min(max(self._backends.settings.slack_config.edit_seconds, 0.2), _PAUSE)
        while not stop.is_set():
            await self.tick()
            await happens(stop, pause)

    async def tick(self) -> None:
        """Say what there is to say; what fails is tried again at the next look."""
        if not await self._messenger.access.granted():
            return
        looks: tuple[Callable[[], Awaitable[None]], ...] = (
            self._runs,
            self._schedules,
            self._troubles,
            self._ends,
        )
        for look in looks:
            try:
                await look()
            except Exception:
                log.exception("a look for announcements failed; the next one follows")

    async def _runs(self) -> None:
        """Cards of runs in channels where nobody has typed a command for them."""
        store = self._relay.store
        for found in await store.unannounced():
            try:
                view = await get_run(self._backends, f"r-{found.run_id}")
            except NotFoundError:
                continue  # deleted, and the announcement with it
            if view.finished_at is not None and utc_now() - view.finished_at > _TOO_OLD:
                await store.drop_announcement(found)
                continue
            try:
                await self._relay.announce(view, found.channel)
            except SlackApiError as error:  # the relay goes on trying
                code = slack_code(error)
                log.warning("%s cannot be shown in %s: %s", view.id, found.channel, code)
                await store.note_trouble(found.run_id, found.channel, code)

    async def _schedules(self) -> None:
        """That a schedule could not start a run: to its channel, else to whoever made it."""
        for found in await notices(self._backends):
            to = found.channel or (found.made_by if is_user(found.made_by) else None)
            if not self._is_ours(to):
                continue
            if to is None or utc_now() - found.at > _TOO_OLD or await self._sent(found, to):
                await notice_told(self._backends, found)

    async def _sent(self, found: ScheduleNotice, to: str) -> bool:
        key = f"schedule:{found.schedule_id}:{found.at.timestamp():.6f}"
        text = with_people(mrkdwn(in_slack(found.text), 2900))

        async def compose() -> Message:
            return message(text, [section(text, key)])

        return await self._notices.send(key, to, compose)

    async def _troubles(self) -> None:
        """To whoever asked for a run: that its channel does not show it any more."""
        for card in await self._relay.store.troubled():
            key = f"unshown:r-{card.run_id}:{card.channel}"
            if key in self._settled or meaning_of(card.trouble) not in {"closed", "no-place"}:
                continue
            try:
                view = await get_run(self._backends, f"r-{card.run_id}")
            except NotFoundError:
                continue
            if not self._tells(view) or await self._notices.send(
                key, view.requested_by, partial(_unshown, view, card, key)
            ):
                self._settled.add(key)

    async def _ends(self) -> None:
        """One direct message to whoever asked for a run that is complete or has failed."""
        store = self._relay.store
        for run_id in dict.fromkeys(card.run_id for card in await store.untold()):
            try:
                view = await get_run(self._backends, f"r-{run_id}")
            except NotFoundError:
                await store.told(run_id)  # nobody asks for a run that is deleted
                continue
            if view.status not in ENDED:
                continue  # its card is given up; its end is still news
            if not await self._wants_word(view) or await self._told(view):
                await store.told(run_id)

    async def _wants_word(self, view: RunView) -> bool:
        if not self._tells(view) or view.status == "cancelled":
            return False
        if view.finished_at is not None and utc_now() - view.finished_at > _TOO_OLD:
            return False
        cards = await self._relay.store.cards(number(view.id))
        return not any(is_direct(card.channel) for card in cards)  # there they have seen it

    def _tells(self, view: RunView) -> bool:
        """Whether whoever asked for it is told anything directly."""
        return self._backends.settings.slack_config.tell_requester and is_user(view.requested_by)

    async def _told(self, view: RunView) -> bool:
        key = f"outcome:{view.id}"

        async def compose() -> Message:
            link = None
            for card in await self._relay.store.cards(number(view.id)):
                if link is None and card.ts is not None:
                    link = await self._messenger.permalink(card.channel, card.ts)
            return outcome(view, link, key)

        return await self._notices.send(key, view.requested_by, compose)

    def _is_ours(self, to: str | None) -> bool:
        if self._workspace is not None:
            return to is not None and to.startswith(self._workspace)
        return to is None or not to.startswith(CONSOLE)


async def _unshown(view: RunView, card: SlackCard, key: str) -> Message:
    return unshown(view, card.channel, meaning_of(card.trouble) == "closed", key)


def is_direct(channel: str) -> bool:
    """Whether it is a conversation of one person with us alone."""
    of_a_console = channel.startswith(CONSOLE) and "-D-" in channel
    return channel.startswith("D") or is_user(channel) or of_a_console
