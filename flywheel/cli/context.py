"""What every command needs: settings, backends, who is asking, and where to print."""

import asyncio
import getpass
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import typer
from rich.console import Console

from flywheel import telemetry
from flywheel.ports.backends import Backends
from flywheel.settings.load import load_settings
from flywheel.views import Actor
from flywheel.wiring import open_backends

T = TypeVar("T")

# Into a file or a pipe nothing is cut to the width of a terminal.
_width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 200

console = Console(highlight=False, emoji=False, width=_width)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine. SIGTERM ends it as Ctrl-C does: in good order."""
    try:
        return asyncio.run(_stoppable(main))
    except asyncio.CancelledError:
        raise typer.Exit(128 + signal.SIGTERM) from None


async def _stoppable(main: Coroutine[Any, Any, T]) -> T:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await main


def stop_on_signals(first: asyncio.Event | None = None) -> asyncio.Event:
    """An event that SIGINT and SIGTERM set; where there is a `first`, one signal sets only that."""
    stop = asyncio.Event()

    def signalled() -> None:
        asked = stop if first is None or first.is_set() else first
        asked.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, signalled)
    return stop


@asynccontextmanager
async def backends(
    *, with_queue: bool = False, migrate: bool = True, keep_log: bool = False
) -> AsyncIterator[Backends]:
    """The backends that the settings choose.

    What goes on for a while keeps a log (`keep_log`); any other command says itself what it does
    and logs only what is wrong, unless more is configured.
    """
    settings = load_settings()
    level = settings.logging_config.level
    set_up_logging("WARNING" if level == "INFO" and not keep_log else level)
    telemetry.set_up()
    async with open_backends(settings, with_queue=with_queue, migrate=migrate) as opened:
        yield opened


def set_up_logging(level: str) -> None:
    """Log to standard error; only our own packages at the configured level."""
    logging.basicConfig(
        level=logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
        force=True,
    )
    for name in ("flywheel", "bot"):
        logging.getLogger(name).setLevel(level)


def me() -> Actor:
    """The person at the command line."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user often has a number only
        name = str(os.getuid())
    return Actor(id=f"cli:{name}", name=name, origin="cli")
