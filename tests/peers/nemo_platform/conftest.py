"""One real server for all these tests; they skip where its environment is not there."""

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from flywheel.adapters.nemo_platform.client import NemoPlatformClient
from flywheel.adapters.nemo_platform.transport import Transport
from flywheel.settings import NemoPlatformConfig
from tests.peers.nemo_platform.server import Server, nemo_platform

VARIABLE = "NEMO_PLATFORM_ENVIRONMENT"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server. What it took is in the test report."""
    named = os.environ.get(VARIABLE)
    if not named:
        pytest.skip(f"{VARIABLE} names no environment; `make test-nemo-platform` makes one")
    if not (Path(named) / "bin" / "nemo").exists():
        pytest.skip(f"{named} holds no NeMo Platform: it could not be installed here")
    with nemo_platform(Path(named), tmp_path_factory.mktemp("nemo-platform")) as running:
        print(f"\nready in {running.seconds:.0f} s, {running.resident_mb():.0f} MB")
        yield running
        print(f"\nat the end {running.resident_mb():.0f} MB")


@pytest.fixture
def config(server: Server) -> NemoPlatformConfig:
    """How the server is reached, with a workspace for this test alone."""
    workspace = f"peer-{secrets.token_hex(4)}"
    return NemoPlatformConfig(base_url=server.url, workspace=workspace, retry_seconds=0.1)


@pytest.fixture
async def client(config: NemoPlatformConfig) -> AsyncIterator[NemoPlatformClient]:
    """Our client, in a workspace that exists."""
    client = NemoPlatformClient(Transport(config, None), config.workspace)
    await client.create_workspace()
    yield client
    await client.close()
