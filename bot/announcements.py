"""What nobody has just asked for in Slack: runs that others have started, schedules in trouble,
and the word to whoever asked for a run that has ended.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from slack_sdk.errors import SlackApiError

from bot.errors import slack_code
from bot.messenger import Messenger
from bot.notices import Notices
from bot.parsing.usage import in_slack
from bot.relay import Relay, number
from bot.store import CONSOLE
from bot.views.card import ENDED
from bot.views.message import Message, message, section
from bot.views.outcome import outcome
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
        self._messenger = messenger
        self._relay = relay
        self._workspace = workspace
        self._notices = Notices(backends.database, messenger, claim_seconds)

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set."""
        pause = min(max(self._backends.settings.slack_config.edit_seconds, 0.2), _PAUSE)
        while not stop.is_set():
            await self.tick()
            await happens(stop, pause)

    async def tick(self) -> None:
        """Say what there is to say; what fails is tried again at the next look."""
        looks: tuple[Callable[[], Awaitable[None]], ...] = (self._runs, self._schedules, self._ends)
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
                log.warning(
                    "%s cannot be shown in %s: %s", view.id, found.channel, slack_code(error)
                )

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

    async def _ends(self) -> None:
        """One direct message to whoever asked for a run that is complete or has failed."""
        store = self._relay.store
        for run_id in dict.fromkeys(card.run_id for card in await store.untold()):
            try:
                view = await get_run(self._backends, f"r-{run_id}")
            except NotFoundError:
                continue  # the relay forgets its card
            if not await self._wants_word(view) or await self._told(view):
                await store.told(run_id)

    async def _wants_word(self, view: RunView) -> bool:
        if not self._backends.settings.slack_config.tell_requester:
            return False
        if view.status not in ENDED - {"cancelled"} or not is_user(view.requested_by):
            return False
        if view.finished_at is not None and utc_now() - view.finished_at > _TOO_OLD:
            return False
        cards = await self._relay.store.cards(number(view.id))
        return not any(is_direct(card.channel) for card in cards)  # there they have seen it

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


def is_direct(channel: str) -> bool:
    """Whether it is a conversation of one person with us alone."""
    of_a_console = channel.startswith(CONSOLE) and "-D-" in channel
    return channel.startswith("D") or is_user(channel) or of_a_console
