"""Every real part, with a small log imported."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from flywheel.ports.backends import Backends
from flywheel.service.logs import import_files
from flywheel.settings import Settings
from flywheel.wiring import open_backends
from tests.support.running import with_two_candidates, write_log


@pytest.fixture
def run_settings(settings: Settings) -> Settings:
    """Two cheap candidates, and one person who may approve."""
    return with_two_candidates(settings)


@pytest.fixture
async def backends(run_settings: Settings, tmp_path: Path) -> AsyncIterator[Backends]:
    """Every real part, with the log imported."""
    async with open_backends(run_settings) as opened:
        log = write_log(tmp_path / "log.jsonl")
        await import_files(opened.logs, [log], reject_dir=tmp_path / "rejects")
        yield opened


@pytest.fixture
async def completed(run_settings: Settings, completed_home: Path) -> AsyncIterator[Backends]:
    """The same, and r-1 has been completed, on 100 evaluation records."""
    settings = run_settings.model_copy(update={"home": completed_home})
    async with open_backends(settings) as opened:
        yield opened
