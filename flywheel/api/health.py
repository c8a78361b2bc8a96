"""Is it alive, is it ready. No key is needed, so no detail is given."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from flywheel.api.common import AllParts
from flywheel.errors import FlywheelError

log = logging.getLogger(__name__)

SECONDS = 5.0  # for a part to answer

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Whether requests can be served."""

    status: Literal["ok", "failed"]
    failed: list[str] = Field(description="The parts that do not answer")


@router.get("/healthz")
async def healthz() -> Health:
    """The process answers; nothing else is looked at."""
    return Health()


@router.get("/readyz", response_model=Readiness, responses={503: {"model": Readiness}})
async def readyz(parts: AllParts) -> Response:
    """Database and queue answer; 503 names the one that does not."""
    pings = {"database": parts.database.ping, "queue": parts.queue.ping}
    answers = await asyncio.gather(*(_answers(part, ping) for part, ping in pings.items()))
    failed = [part for part, answered in zip(pings, answers, strict=True) if not answered]
    state = Readiness(status="failed" if failed else "ok", failed=failed)
    return JSONResponse(state.model_dump(), 503 if failed else 200)


async def _answers(part: str, ping: Callable[[], Awaitable[str]]) -> bool:
    try:
        await asyncio.wait_for(ping(), SECONDS)
    except (FlywheelError, TimeoutError) as error:
        log.warning("not ready, the %s: %s", part, error or "no answer in time")
        return False
    return True
