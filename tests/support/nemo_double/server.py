"""The server: a thread with an event loop of its own, on a free port of 127.0.0.1."""

import asyncio
import logging
import socket
import threading
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount

from tests.support.nemo_double import customizer, deployments, entities, evaluator, hub, proxy
from tests.support.nemo_double.clock import Clock
from tests.support.nemo_double.faults import DroppedError, Fault, FaultyApp
from tests.support.nemo_double.strict import RefusedError
from tests.support.nemo_double.world import Durations, World


class NemoDouble:
    """One NeMo. Use as a context manager; `nemo`, `nim` and `datastore` are its addresses."""

    def __init__(
        self, speed: float = 20.0, durations: Durations | None = None, gpus: int = 8
    ) -> None:
        self.world = World(Clock(speed), durations or Durations(), gpus)
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self._socket = socket.socket()
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # see http_server
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.nemo, self.nim = f"{self.url}/nemo", f"{self.url}/nim"
        self.datastore = f"{self.url}/datastore"
        self._app = FaultyApp(_app(self.world), self.faults, self.requests)
        config = uvicorn.Config(
            self._app,
            log_level="critical",
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        logging.getLogger("asyncio").addFilter(_is_not_ours)
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.01)
            assert self._thread.is_alive(), "the double did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(10)
        self._socket.close()
        logging.getLogger("asyncio").removeFilter(_is_not_ours)

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))

    @property
    def changing(self) -> int:
        """Requests under way that ask for a change."""
        return self._app.changing

    def fault(self, route: str, kind: str, **more: object) -> Fault:
        """From now on, requests of that route meet this."""
        fault = Fault(route, kind, **more)  # type: ignore[arg-type]
        self.faults.append(fault)
        return fault


def _is_not_ours(record: logging.LogRecord) -> bool:
    return record.exc_info is None or not isinstance(record.exc_info[1], DroppedError)


def _app(world: World) -> Starlette:
    nemo = [
        *entities.routes(world),
        *customizer.routes(world),
        *evaluator.routes(world),
        *deployments.routes(world),
    ]
    return Starlette(
        routes=[
            Mount("/nemo", routes=nemo),
            Mount("/nim", routes=proxy.routes(world)),
            Mount("/datastore", routes=hub.routes(world)),
        ],
        exception_handlers={RefusedError: _refused},
    )


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return error.response
