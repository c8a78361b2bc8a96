"""One app and one Slack for the tests of a file, in each mode."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.peers.slack.local_slack import ADA, CLEO
from tests.peers.slack.peer import Peer, peer_in


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["socket", "events"])
async def peer(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Peer]:
    """The app in Socket Mode, then over signed HTTP; ada and cleo may approve."""
    folder = tmp_path_factory.mktemp(request.param)
    approvers = {"FLYWHEEL_APPROVAL_CONFIG__APPROVERS": f"{ADA},{CLEO}"}
    async with peer_in(folder, request.param, **approvers) as opened:
        yield opened
