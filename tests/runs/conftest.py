"""Every real part, with a small log imported."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from flywheel.ports.backends import Backends
from flywheel.service.logs import import_files
from flywheel.settings import Settings
from flywheel.settings.load import load_settings
from flywheel.wiring import open_backends
from tests.support.nemo_double import NemoDouble
from tests.support.nemo_jobs import LARGE, SMALL
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


@pytest.fixture
def double() -> Iterator[NemoDouble]:
    """An empty NeMo Microservices, twenty times as fast as time."""
    with NemoDouble(speed=20) as made:
        yield made


@pytest.fixture
def nemo_settings(double: NemoDouble, tmp_path: Path) -> Settings:
    """Two candidates on it, with one GPU to train and one to serve."""
    config = tmp_path / "config.yaml"
    nim = (
        '{model_name: %s, tag: "1.8.3", customization_enabled: true, '
        "customizer_configs: {target: %s@2.0}}"
    )
    config.write_text(
        f"""
platform: nemo
nmp_config:
  nemo_base_url: {double.nemo}
  nim_base_url: {double.nim}
  datastore_base_url: {double.datastore}
  poll_seconds: 0.1
  retry_seconds: 0.05
  gpu_budget: {{training: 1, inference: 1}}
nims:
  - {nim % (SMALL, SMALL)}
  - {nim % (LARGE, LARGE)}
"""
    )
    return load_settings(
        environ={
            "FLYWHEEL_HOME": str(tmp_path / "home"),
            "FLYWHEEL_CONFIG": str(config),
            "FLYWHEEL_WORKER_CONFIG": (
                '{"poll_seconds": 0.2, "lease_seconds": 2, "sweep_seconds": 0.5}'
            ),
        }
    )
