"""From Slack's delivery to what handles it.

Slack waits three seconds. A delivery is acknowledged once the database has it, or after `patience`
where the database does not answer; then the work waits for it instead. What a process has left
undone when it died, another one takes over.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncBoltContext
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.background import Background
from bot.errors import Reply, error_message, guarded, tell
from bot.inbox.delivery import Delivery, delivery_of
from bot.inbox.keeper import Keeper
from bot.inbox.seen import Seen
from bot.views.message import message
from flywheel.clock import happens, utc_now
from flywheel.db.engine import Database
from flywheel.errors import UnavailableError

log = logging.getLogger(__name__)

# Slack's last repetition comes about five minutes after the first delivery.
KEPT = timedelta(minutes=30)
PATIENCE = 1.5  # seconds of Slack's three
STALE = timedelta(minutes=10)  # nobody expects an answer any more
MOST_WAITING = 10_000
_LEASE = timedelta(seconds=30)
_AT_ONCE = {"command": 2, "action": 2, "view": 2, "event": 2, "told": 1, "waits": 16}
_YIELD = 0.4  # seconds that work lets acknowledgements go first, at most
TELL_AFTER = 4.0  # seconds that the database may take until somebody is told
_ORPHANS = 50
_TOO_MUCH = "I have more to do than I can keep up with. Try again in a minute."
_WAITS = UnavailableError(
    "The database does not answer.", "I have noted what you want and do it once it is back."
)


@dataclass(frozen=True)
class Handler:
    """What is done with deliveries of one route."""

    what: str  # in the log: 'a command'
    handle: Callable[[Delivery], Awaitable[None]]
    reply: Callable[[Delivery], Reply]  # where errors are told
    waits: bool = False  # most of the time for others: it keeps nobody else from being served


class Inbox:
    """Bolt middleware that keeps deliveries, and the work on them."""

    def __init__(
        self,
        database: Database,
        scope: str = "",
        *,
        lease: timedelta = _LEASE,
        patience: float = PATIENCE,
        tell_after: float = TELL_AFTER,
    ) -> None:
        self._keeper = Keeper(database, secrets.token_hex(8), scope, lease)
        self._pause = lease.total_seconds() / 3
        self.patience = patience
        self.tell_after = tell_after
        self._handlers: dict[str, Handler] = {}
        self._background = Background()
        self._lanes = {name: asyncio.Semaphore(size) for name, size in _AT_ONCE.items()}
        self._seen = Seen(KEPT.total_seconds())
        self._arriving = 0
        self._quiet = asyncio.Event()  # nothing waits for its acknowledgement
        self._quiet.set()

    def on(self, route: str, handler: Handler) -> None:
        """Say what handles a route."""
        self._handlers[route] = handler

    async def middleware(
        self,
        req: AsyncBoltRequest,
        context: AsyncBoltContext,
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002
    ) -> BoltResponse:
        """Let the first delivery of each key through, in any process; 200 for the others."""
        delivery = delivery_of(req.body, req.raw_body)
        if delivery.route not in self._handlers:
            return await next()
        self._arriving += 1
        self._quiet.clear()
        try:
            return await self._received(delivery, context, next)
        finally:
            self._arriving -= 1
            if not self._arriving:
                self._quiet.set()

    async def _received(
        self,
        delivery: Delivery,
        context: AsyncBoltContext,
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002
    ) -> BoltResponse:
        if not self._seen.first(delivery.key):
            log.info("a repeated delivery was ignored")
            return BoltResponse(status=200, body="")
        if len(self._background) >= MOST_WAITING:
            log.warning("%s deliveries wait; another one is refused", MOST_WAITING)
            self._seen.forget(delivery.key)
            if delivery.route == "command":
                return BoltResponse(status=200, body=_TOO_MUCH)
            return BoltResponse(status=503, body="")
        self._keeper.keep(delivery)
        await asyncio.wait({delivery.mine}, timeout=self.patience)
        if delivery.mine.done() and not delivery.mine.exception() and not delivery.mine.result():
            log.info("a repeated delivery was ignored")
            return BoltResponse(status=200, body="")
        context["delivery"] = delivery
        return await next()

    def take(self, delivery: Delivery) -> None:
        """Handle it beside everything else."""
        self._background.start(self._work(delivery), delivery.route)

    def dismiss(self, delivery: Delivery) -> None:
        """There is nothing to do for it."""
        self._keeper.done(delivery.key)

    async def run(self, stop: asyncio.Event) -> None:
        """Take over what dead processes have left, until `stop` is set."""
        while not stop.is_set():
            try:
                await self._keeper.renew()
                for delivery in await self._keeper.orphans(_ORPHANS):
                    self._take_over(delivery)
                await self._keeper.forget(utc_now() - KEPT)
            except UnavailableError as error:
                log.warning("the inbox waits for the database: %s", error)
            except Exception:
                log.exception("a look into the inbox failed; the next one follows")
            await happens(stop, self._pause)

    async def idle(self) -> None:
        """Wait until nothing is left to do."""
        await self._background.idle()

    async def close(self, seconds: float = 10.0) -> None:
        """Let what runs end within `seconds`; another process gets the rest."""
        await self._background.close(seconds)
        try:
            async with asyncio.timeout(self.patience):
                await self._keeper.flush()
                await self._keeper.release()
        except (UnavailableError, TimeoutError):
            log.warning("the database does not say that all is done; another process looks again")
        finally:
            self._keeper.abandon()

    def _take_over(self, delivery: Delivery) -> None:
        if self._seen.first(delivery.key) and delivery.route in self._handlers:
            log.info("%s was left by another process", delivery.route)
            self.take(delivery)

    async def _work(self, delivery: Delivery) -> None:
        handler = self._handlers[delivery.route]
        reply = handler.reply(delivery)
        await guarded(self._handled(delivery, handler, reply), reply, handler.what)
        self._keeper.done(delivery.key)

    async def _handled(self, delivery: Delivery, handler: Handler, reply: Reply) -> None:
        if not delivery.mine.done():
            await asyncio.wait({delivery.mine}, timeout=self.tell_after)
            async with self._lanes["told"]:
                await happens(self._quiet, _YIELD)
                if not delivery.mine.done():
                    await tell(reply, error_message(_WAITS), handler.what)
        if not await delivery.mine:
            return  # another process has had it first
        if delivery.again and utc_now() - delivery.received_at > STALE:
            at = delivery.received_at
            await reply(message(f"I was away when you asked this at {at:%H:%M} UTC. Ask again."))
            return
        lane = "waits" if handler.waits else delivery.route.partition(":")[0]
        async with self._lanes[lane]:
            await happens(self._quiet, _YIELD)
            await handler.handle(delivery)


def delivery_in(context: dict[str, Any]) -> Delivery:
    """The delivery that a listener is called for."""
    found = context["delivery"]
    assert isinstance(found, Delivery)
    return found
