"""The examination's company in a home of its own, written once for each test process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from flywheel.insights.exam.company import write_company
from flywheel.ports.backends import Backends
from flywheel.settings import load_settings
from flywheel.wiring import open_backends


def write_to(home: Path) -> Path:
    """Write it there."""

    async def write() -> None:
        async with opened(home, migrate=True) as backends:
            await write_company(backends.database, backends.logs)

    asyncio.run(write())
    return home


@asynccontextmanager
async def opened(home: Path, migrate: bool = False, **environ: str) -> AsyncIterator[Backends]:
    """Its backends, with these settings."""
    settings = load_settings(environ={"FLYWHEEL_HOME": str(home), **environ})
    async with open_backends(settings, with_queue=False, migrate=migrate) as backends:
        yield backends
