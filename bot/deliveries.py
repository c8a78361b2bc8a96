"""Slack delivers again what it thinks was lost; every delivery is acted on once."""

import hashlib
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from slack_bolt import BoltResponse
from slack_bolt.request.async_request import AsyncBoltRequest
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, delete

from bot.models import SlackDelivery
from flywheel.clock import utc_now
from flywheel.db.engine import Database

log = logging.getLogger(__name__)

# Slack's last repetition comes about five minutes after the first delivery.
KEPT = timedelta(minutes=30)
_PRUNE_EVERY = timedelta(minutes=5)


def delivery_key(body: dict[str, Any], raw_body: str) -> str:
    """What names a delivery: its event id or trigger id, else the hash of its body."""
    if body.get("event_id"):
        return f"event:{body['event_id']}"
    if body.get("trigger_id"):
        return f"trigger:{body['trigger_id']}"
    return f"body:{hashlib.sha256(raw_body.encode()).hexdigest()}"


class Deliveries:
    """Bolt middleware that lets the first delivery of each key through, in any process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pruned_at = utc_now() - _PRUNE_EVERY

    async def middleware(
        self,
        req: AsyncBoltRequest,
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002
    ) -> BoltResponse:
        """Answer a repeated delivery with 200 and nothing else."""
        if await self.claim(delivery_key(req.body, req.raw_body)):
            return await next()
        log.info("a repeated delivery was ignored")
        return BoltResponse(status=200, body="")

    async def claim(self, key: str) -> bool:
        """True for the first who asks; False for everybody after, in any process."""
        await self._prune()
        try:
            async with self._database.transaction() as session:
                session.add(SlackDelivery(key=key))
        except IntegrityError:
            return False
        return True

    async def _prune(self) -> None:
        now = utc_now()
        if now - self._pruned_at < _PRUNE_EVERY:
            return
        self._pruned_at = now
        async with self._database.transaction() as session:
            await session.exec(
                delete(SlackDelivery).where(col(SlackDelivery.received_at) < now - KEPT)
            )
