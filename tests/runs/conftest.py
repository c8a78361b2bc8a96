"""Every real part, with a small log imported."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from flywheel.ports.backends import Backends
from flywheel.service.logs import import_files
from flywheel.settings import Settings
from flywheel.wiring import open_backends
from tests.support.running import APPROVER, write_log


@pytest.fixture
def run_settings(settings: Settings) -> Settings:
    """Two cheap candidates, and one person who may approve."""
    update = {
        "local_platform_config": settings.local_platform_config.model_copy(
            update={"candidates": ["tfidf-logreg", "hashing-sgd"]}
        ),
        "approval_config": settings.approval_config.model_copy(update={"approvers": [APPROVER.id]}),
    }
    return settings.model_copy(update=update)


@pytest.fixture
async def backends(run_settings: Settings, tmp_path: Path) -> AsyncIterator[Backends]:
    """Every real part, with the log imported."""
    async with open_backends(run_settings) as opened:
        log = write_log(tmp_path / "log.jsonl")
        await import_files(opened.logs, [log], reject_dir=tmp_path / "rejects")
        yield opened
