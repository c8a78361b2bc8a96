"""An HTTP server inside a running event loop, without signal handlers of its own."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Generator

import uvicorn
from starlette.types import ASGIApp

from flywheel.errors import UnavailableError


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say when the first request can come."""
        await super().startup(sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Signals belong to the program that the server is a part of."""
        yield


def listening(host: str, port: int) -> socket.socket:
    """A socket to serve on; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    # asyncio does it only for sockets that it opened itself. Without it every answer on a kept
    # connection waits 40 ms: its body for the other side's confirmation of its head.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


@contextlib.asynccontextmanager
async def http_server(app: ASGIApp, host: str, port: int) -> AsyncIterator[str]:
    """Serve `app` while the block runs; yields its URL. Port 0 takes a free one.

    Raises UnavailableError where the address cannot be used.
    """
    try:
        listener = listening(host, port)
    except OSError as error:
        raise UnavailableError(
            f"Cannot listen on {host}:{port}: {error.strerror or error}.",
            "Choose another one with --host and --port.",
        ) from error
    config = uvicorn.Config(
        app, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=5
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="http")
    try:
        await server.ready.wait()
        address, bound = listener.getsockname()[:2]
        yield f"http://{f'[{address}]' if ':' in address else address}:{bound}"
    finally:
        server.should_exit = True
        await serving
        listener.close()
