"""A server whose answers are a real, small model, and jobs that ask it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.openai_server import OpenAIServer, serving
from tests.support.served import Bench


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with serving() as opened:
        yield opened


@pytest.fixture
def bench(tmp_path: Path, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> Bench:
    for name in ("FLYWHEEL_SERVED_API_KEY", "FLYWHEEL_EMBEDDING_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return Bench(tmp_path, server)
