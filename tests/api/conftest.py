"""The API in front of real parts: database, queue, a small log."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from flywheel.api.app import build_app
from flywheel.api.auth import access_for
from flywheel.ports.backends import Backends
from flywheel.service.logs import import_files
from flywheel.settings import Settings
from flywheel.wiring import open_backends
from tests.support.running import write_log

HERE = "http://127.0.0.1:8000"
CI_KEY, VIEWER_KEY = "ci-0123456789abcdefghij", "viewer-0123456789abcdef"
CI, VIEWER = {"Authorization": f"Bearer {CI_KEY}"}, {"X-API-Key": VIEWER_KEY}


def with_keys(settings: Settings, keys: str | None) -> Settings:
    """These settings, with that FLYWHEEL_API_KEYS."""
    secrets = settings.secrets.model_copy(update={"api_keys": keys and SecretStr(keys)})
    return settings.model_copy(update={"secrets": secrets})


@pytest.fixture
def open_settings(settings: Settings) -> Settings:
    """No key; one cheap candidate; who may approve is a key's holder, or so they hope."""
    update = {
        "local_platform_config": settings.local_platform_config.model_copy(
            update={"candidates": ["hashing-sgd"]}
        ),
        "approval_config": settings.approval_config.model_copy(
            update={"approvers": ["api:ci", "api:anonymous"]}
        ),
    }
    return settings.model_copy(update=update)


@pytest.fixture
def keyed_settings(open_settings: Settings) -> Settings:
    """Two keys."""
    return with_keys(open_settings, f"ci:{CI_KEY}, viewer:{VIEWER_KEY}")


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    """300 headlines of the workload news."""
    return write_log(tmp_path / "log.jsonl")


@asynccontextmanager
async def logged(
    settings: Settings, log_file: Path, *, with_queue: bool = True
) -> AsyncIterator[Backends]:
    """Every real part, with the log imported."""
    async with open_backends(settings, with_queue=with_queue) as opened:
        await import_files(opened.logs, [log_file], reject_dir=log_file.parent)
        yield opened


@asynccontextmanager
async def asking(
    backends: Backends, headers: Mapping[str, str] | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API."""
    app = build_app(backends, access_for(backends.settings, "127.0.0.1"))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=HERE, headers=headers) as client:
        yield client
