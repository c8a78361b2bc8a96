"""What a client is told when something is wrong, and what it is not told."""

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from flywheel.api.app import build_app, health_app
from flywheel.api.auth import Access
from flywheel.api.limits import MAX_BODY
from flywheel.db.engine import Database, sqlite_url
from flywheel.errors import (
    ConflictError,
    DataError,
    FlywheelError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    SettingsError,
    UnavailableError,
)
from flywheel.ports.backends import Backends
from flywheel.settings import Settings
from flywheel.wiring import open_backends
from tests.api.conftest import HERE

STATUS: dict[type[FlywheelError], int] = {
    InvalidInputError: 400,
    SettingsError: 400,
    ForbiddenError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    DataError: 422,
    UnavailableError: 503,
}


@pytest.fixture
async def backends(open_settings: Settings) -> AsyncIterator[Backends]:
    """An empty home; no queue answers."""
    async with open_backends(open_settings, with_queue=False) as opened:
        yield opened


def client_of(app: object) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url=HERE)


async def test_every_error_has_its_status(backends: Backends) -> None:
    # None was added to flywheel.errors without a status here.
    known = {k for k in FlywheelError.__subclasses__() if k.__module__ == "flywheel.errors"}
    assert known <= set(STATUS)
    app = build_app(backends, Access())

    async def fail(kind: str) -> None:
        raise next(k for k in STATUS if k.__name__ == kind)("It is so.", "Do this.")

    app.add_api_route("/fail/{kind}", fail)
    async with client_of(app) as client:
        for kind, status in STATUS.items():
            answer = await client.get(f"/fail/{kind.__name__}")
            assert answer.status_code == status
            assert answer.json() == {"detail": "It is so.", "hint": "Do this."}


async def test_an_unforeseen_error_shows_its_number_only(
    backends: Backends, caplog: pytest.LogCaptureFixture
) -> None:
    app = build_app(backends, Access())

    async def fail() -> None:
        raise RuntimeError("hunter2")

    app.add_api_route("/fail", fail)
    async with client_of(app) as client:
        answer = await client.get("/fail?key=hunter3")
    assert answer.status_code == 500
    detail = answer.json()["detail"]
    assert detail.startswith("Something went wrong here: error ")
    (record,) = [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert record.exc_info is not None
    assert detail.split()[-1].rstrip(".") in record.getMessage()
    assert "hunter" not in answer.text
    assert "hunter3" not in caplog.text


async def test_bodies_have_a_limit(backends: Backends) -> None:
    async with client_of(build_app(backends, Access())) as client:

        async def endless() -> AsyncIterator[bytes]:
            while True:
                yield b" " * 65536

        for content in (b" " * (MAX_BODY + 1), endless()):
            answer = await client.post("/api/v1/ask", content=content)
            assert answer.status_code == 413
            assert answer.json()["detail"] == "The body is larger than 256 KiB."
        question = b'{"question": "runs?"}'
        padded = question + b" " * (MAX_BODY - len(question))
        headers = {"Content-Type": "application/json"}
        answer = await client.post("/api/v1/ask", content=padded, headers=headers)
        assert answer.status_code == 200


NO_QUESTIONS = [
    b"",
    b"{",
    b"\xff",
    b"[" * 100_000,
    b'{"question": "\\ud800"}',
    b'{"question": 1}',
    b"null",
]


async def test_what_is_no_question_is_the_askers_fault(backends: Backends) -> None:
    headers = {"Content-Type": "application/json"}
    async with client_of(build_app(backends, Access())) as client:
        for content in NO_QUESTIONS:
            answer = await client.post("/api/v1/ask", content=content, headers=headers)
            assert answer.status_code in {400, 422}, answer.text
            assert set(answer.json()) == {"detail", "hint"}


async def test_paths_and_methods_that_are_not_there(backends: Backends) -> None:
    async with client_of(build_app(backends, Access())) as client:
        answer = await client.get("/api/dance")
        assert (answer.status_code, answer.json()["detail"]) == (404, "Not Found.")
        answer = await client.put("/api/jobs/r-1")
        assert answer.status_code == 405
        assert answer.headers["allow"] == "DELETE, GET"
        assert (await client.get("/docs")).status_code == 404


async def test_ready_only_while_database_and_queue_answer(
    open_settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "gone").mkdir()
    gone = Database(sqlite_url(tmp_path / "gone" / "flywheel.db"))
    (tmp_path / "gone").rmdir()
    elsewhere = open_settings.model_copy(update={"home": tmp_path / "elsewhere"})
    async with (
        open_backends(open_settings) as whole,
        open_backends(elsewhere, with_queue=False) as no_queue,
    ):
        for parts, failed in [
            (whole, []),
            (no_queue, ["queue"]),
            (replace(whole, database=gone), ["database"]),
            (replace(no_queue, database=gone), ["database", "queue"]),
        ]:
            async with client_of(health_app(parts)) as client:
                answer = await client.get("/readyz")
                assert answer.status_code == (503 if failed else 200)
                status = "failed" if failed else "ok"
                assert answer.json() == {"status": status, "failed": failed}
                assert (await client.get("/healthz")).json() == {"status": "ok"}
                assert (await client.get("/api/jobs")).status_code == 404  # health is all
        await gone.close()
