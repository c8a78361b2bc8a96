"""The pictures of a completed run, uploaded once into its thread.

A process that dies between the upload and its note leaves a claim; the next one looks for the
files in the thread before it uploads any.
"""

import asyncio
import logging
from datetime import timedelta

import aiohttp
from slack_sdk.errors import SlackApiError, SlackRequestError

from bot.claims import Claims
from bot.errors import slack_code
from bot.messenger import Messenger
from bot.models import SlackCard
from bot.relay import ref
from bot.store import Store
from bot.views.text import plain
from flywheel.clock import happens, utc_now
from flywheel.errors import NotFoundError
from flywheel.plots.picture import Picture
from flywheel.ports.backends import Backends
from flywheel.service.pictures import pictures_of
from flywheel.service.runs import get_run

log = logging.getLogger(__name__)

_RECENT = timedelta(hours=1)  # runs that ended before then get none any more
_PAUSE = 2.0  # seconds between two looks
_BACK_OFF = 30.0  # seconds, where Slack refuses them
_ALT = 1000  # characters that Slack takes


class PicturePoster:
    """Looks for runs that have just been completed, and uploads their pictures."""

    def __init__(
        self,
        backends: Backends,
        messenger: Messenger,
        store: Store,
        *,
        claim_seconds: float = 90.0,
    ) -> None:
        self._backends = backends
        self._messenger = messenger
        self._store = store
        self._claims = Claims(backends.database, claim_seconds)
        self._settled: set[str] = set()
        self._paused: dict[str, float] = {}
        self._allowed = True

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set."""
        while not stop.is_set():
            try:
                await self.tick()
            except Exception:
                log.exception("a look for pictures failed; the next one follows")
            await happens(stop, _PAUSE)

    async def tick(self) -> None:
        """Upload what is missing, as far as the app may upload files."""
        if not await self._messenger.access.granted():
            return
        for card in await self._store.ended_since(utc_now() - _RECENT):
            key = f"pictures:{card.run_id}:{card.channel}"
            if self._allowed and key not in self._settled and not self._is_paused(key):
                await self._post(key, card)

    async def _post(self, key: str, card: SlackCard) -> None:
        row = await self._claims.find(key)
        if row is not None and row.state == "sent":
            self._settled.add(key)
            return
        if row is None:
            if not await self._claims.take(key, card.channel):
                return
        elif not await self._claims.take_over(row):
            return
        try:
            if row is None or not await self._is_there(card):
                await self._upload(card)
        except NotFoundError:  # deleted since
            log.info("%s is gone, so it gets no pictures", ref(card))
        except SlackApiError as error:
            await self._refused(key, card, slack_code(error))
            return
        except (SlackRequestError, aiohttp.ClientError, TimeoutError, OSError) as error:
            await self._later(key, card, str(error))
            return
        await self._claims.confirm(key, None)
        self._settled.add(key)

    async def _upload(self, card: SlackCard) -> None:
        view = await get_run(self._backends, ref(card))
        if view.status != "completed":
            return
        pictures = (await pictures_of(view)).drawn
        if not pictures:
            return
        async with asyncio.timeout(self._claims.age.total_seconds() * 2 / 3 or None):
            await self._messenger.client.files_upload_v2(
                channel=card.channel,
                thread_ts=card.ts,
                file_uploads=[_file(view.id, picture) for picture in pictures],
            )

    async def _is_there(self, card: SlackCard) -> bool:
        assert card.ts is not None  # ended_since gives cards that are in Slack
        async for reply in self._messenger.thread(card.channel, card.ts):
            for file in reply.get("files", []):
                if str(file.get("name", "")).startswith(f"{ref(card)}-"):
                    return True
        return False

    async def _refused(self, key: str, card: SlackCard, code: str) -> None:
        if code != "missing_scope":
            await self._later(key, card, code)
            return
        self._allowed = False
        await self._claims.release(key)
        log.warning(
            "no pictures are posted: the app lacks the scope files:write "
            "(`flywheel slack check` names what is missing)"
        )

    async def _later(self, key: str, card: SlackCard, why: str) -> None:
        log.warning("the pictures of %s have to wait: %s", ref(card), why)
        self._paused[key] = asyncio.get_running_loop().time() + _BACK_OFF
        await self._claims.release(key)

    def _is_paused(self, key: str) -> bool:
        return self._paused.get(key, 0.0) > asyncio.get_running_loop().time()


def _file(run_id: str, picture: Picture) -> dict[str, str | bytes]:
    return {
        "filename": f"{run_id}-{picture.name}.png",
        "content": picture.png,
        "title": picture.title,
        "alt_txt": plain(picture.alt, _ALT),
    }
