"""Running the API alone."""

import asyncio
from collections.abc import Callable

from flywheel.api.app import build_app
from flywheel.api.auth import access_for
from flywheel.http_server import http_server
from flywheel.ports.backends import Backends


async def serve(
    backends: Backends, host: str, port: int, stop: asyncio.Event, say: Callable[[str], None]
) -> None:
    """Serve until `stop` is set.

    Raises SettingsError where the address needs a key and there is none, UnavailableError where
    it is taken.
    """
    access = access_for(backends.settings, host)
    async with http_server(build_app(backends, access), host, port) as url:
        say(f"Listening on {url}; Ctrl-C stops it.")
        say(access.sentence(url))
        if not await backends.queue.has_worker():
            say("No worker is running yet, so runs wait: `flywheel worker`.")
        await stop.wait()
        say("Stopping.")
