"""Evaluations on a real MLflow server, over HTTP; files go through it."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from flywheel.wiring import open_backends
from tests.support.running import settings_of, with_two_candidates
from tests.support.tracked import check_a_completed_run_is_tracked, tracked

ENVIRONMENT = os.environ.get("MLFLOW_ENVIRONMENT", "")
READY_SECONDS = 120.0

pytestmark = [
    pytest.mark.skipif(
        not (Path(ENVIRONMENT) / "bin" / "mlflow").exists() or not ENVIRONMENT,
        reason="MLFLOW_ENVIRONMENT names no environment; `make test-mlflow` makes one",
    ),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Its address, once it answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    environment = Path(ENVIRONMENT).absolute()
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(environment / "bin" / "mlflow", "server"),
                *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
                *("--backend-store-uri", f"sqlite:///{tmp_path}/server.db"),
                *("--artifacts-destination", str(tmp_path / "files")),
            ],
            env={
                "PATH": f"{environment}/bin:{os.defpath}",
                "HOME": str(tmp_path),
                "MLFLOW_DISABLE_TELEMETRY": "true",
            },
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + READY_SECONDS
        while not _answers(url):
            assert process.poll() is None, (tmp_path / "server.log").read_text()[-2000:]
            assert time.monotonic() < deadline, "the server is not ready"
            time.sleep(0.2)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # it has workers of its own
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=5).is_success
    except httpx.RequestError:
        return False


async def test_every_evaluation_is_on_the_server_once_and_deletion_follows(
    server: str, completed_home: Path, tmp_path: Path
) -> None:
    settings = tracked(with_two_candidates(settings_of(completed_home)), server)
    async with open_backends(settings, with_queue=False) as backends:
        assert backends.tracker is not None
        assert await backends.tracker.ping() == f"{server}, 0 experiments data-flywheel-*"
    await check_a_completed_run_is_tracked(settings, server, tmp_path / "scratch")
