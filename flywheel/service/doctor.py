"""`flywheel doctor`: which part is which implementation here, and does it answer."""

import asyncio
from collections.abc import Awaitable, Callable

from flywheel.errors import FlywheelError
from flywheel.ports.backends import Backends
from flywheel.views import PartStatus


async def check(backends: Backends) -> list[PartStatus]:
    """One line per part that flywheel itself depends on."""
    return [
        await _probe("logs", "local store", backends.logs.ping),
        await _probe(
            "database",
            "PostgreSQL" if not backends.database.is_sqlite else "SQLite",
            lambda: _database(backends),
        ),
        await _queue(backends),
        await _probe("platform", backends.platform.name, backends.platform.ping),
        *await _served(backends),
        await _worker(backends),
        *await _tracker(backends),
        await _language_model(backends),
    ]


async def _served(backends: Backends) -> list[PartStatus]:
    """A line for each candidate that is served elsewhere; all are asked at once."""
    platform = backends.platform

    async def line(name: str) -> PartStatus:
        async def ping() -> str:
            return await platform.ping_candidate(name) or ""

        return await _probe(f"candidate {name}", "served", ping)

    names = [one.name for one in platform.candidates() if one.takes_prompts]
    lines = await asyncio.gather(*(line(name) for name in names))
    return [line for line in lines if line.state == "failed" or line.detail]


async def _tracker(backends: Backends) -> list[PartStatus]:
    tracker = backends.tracker
    return [] if tracker is None else [await _probe("tracking", tracker.name, tracker.ping)]


async def _language_model(backends: Backends) -> PartStatus:
    model = backends.language_model
    if model is None:
        return PartStatus(
            part="language model",
            implementation="none",
            state="off",
            detail="answers and summaries are deterministic",
        )
    return await _probe("language model", model.name, model.ping)


async def _probe(part: str, implementation: str, ping: Callable[[], Awaitable[str]]) -> PartStatus:
    try:
        detail = await ping()
    except FlywheelError as error:
        return PartStatus(
            part=part,
            implementation=implementation,
            state="failed",
            detail=error.message,
            hint=error.hint,
        )
    return PartStatus(part=part, implementation=implementation, state="ok", detail=detail)


async def _database(backends: Backends) -> str:
    """Answers, and has a schema that this version can use."""
    await backends.database.migrate()
    return await backends.database.ping()


async def _queue(backends: Backends) -> PartStatus:
    private = backends.settings.secrets.redis_url is None
    implementation = "private server" if private else "Redis of yours"
    status = await _probe("queue", implementation, backends.queue.ping)
    if private and status.state == "failed":
        return PartStatus(
            part="queue",
            implementation=implementation,
            state="off",
            detail="starts with the first worker and stops with the last",
        )
    return status


async def _worker(backends: Backends) -> PartStatus:
    if await backends.queue.has_worker():
        return PartStatus(part="worker", implementation="arq", state="ok", detail="reported lately")
    return PartStatus(
        part="worker",
        implementation="arq",
        state="off",
        detail="none has reported; runs wait",
        hint="Start one: `flywheel worker`, or `flywheel up`.",
    )
