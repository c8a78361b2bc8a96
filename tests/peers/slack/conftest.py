"""One app and one Slack for all these tests, in each mode."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.peers.slack.peer import Peer, peer_in


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=["socket", "events"])
async def peer(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Peer]:
    """The app in Socket Mode, then over signed HTTP."""
    async with peer_in(tmp_path_factory.mktemp(request.param), request.param) as opened:
        yield opened
