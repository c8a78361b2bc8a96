"""The app, the proxy and the other Slack together, once in Socket Mode and once by signed HTTP."""

import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from bot.views.results import APPROVE
from flywheel.ports.backends import Backends
from flywheel.resources import resource_text
from flywheel.service.runs import list_runs
from flywheel.settings.load import load_settings
from flywheel.wiring import open_backends
from tests.bot.conftest import log_records
from tests.peers.slack.app import App, running
from tests.peers.slack.local_slack import (
    ADA,
    BEN,
    EVE,
    SECRET,
    Json,
    LocalSlack,
    buttons,
    local_slack,
)
from tests.peers.slack.proxy import Proxy, proxy

BINARY = os.environ.get("LOCAL_SLACK", "")
RUN = "run news eval_size=150 candidates=tfidf-svm"


@dataclass
class Peer:
    """Everything that a test touches."""

    mode: str
    slack: LocalSlack
    proxy: Proxy
    app: App
    backends: Backends
    policy: Path

    def use_policy(self, *changes: tuple[str, str]) -> None:
        """The packaged policy with these changes, for the runs that start from now on."""
        text = resource_text("config/policy.yaml")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        self.policy.write_text(text)

    async def completed(self, by: str = BEN) -> Json:
        """Start a run; its results, as soon as they ask for a decision."""
        newest = (await list_runs(self.backends, limit=1))[:1]
        number = 1 + max([int(run.id.removeprefix("r-")) for run in newest], default=0)
        await self.slack.command(RUN, by)
        return await self.slack.until(
            lambda m: m["text"].startswith(f"Results of r-{number} ") and APPROVE in buttons(m)
        )

    async def asking(self) -> Json:
        """Results that ask for a decision: the newest, or else those of a new run."""
        newest = (await self.results())[-1:]
        return newest[0] if newest and APPROVE in buttons(newest[0]) else await self.completed()

    async def results(self) -> list[Json]:
        """The results of all runs, the oldest first."""
        return [m for m in await self.slack.messages() if m["text"].startswith("Results of r-")]

    async def again(self, message: Json) -> Json:
        """The message as it is now."""
        return next(m for m in await self.slack.messages() if m["ts"] == message["ts"])

    async def opened(self, message: Json, action_id: str, user: str) -> Json:
        """Press a button; the modal that opens."""
        number = len(self.proxy.called("views.open"))
        await self.slack.press(message, action_id, user)
        return dict((await self.proxy.until_called("views.open", number)).answer["view"])

    async def told(self, user: str, part: str) -> Json:
        """What one person alone is told."""
        return await self.slack.until(lambda m: m.get("ephemeral_to") == user and part in m["text"])


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["socket", "events"])
async def peer(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Peer]:
    """One app for all tests of a mode: each makes the runs that it needs."""
    if not BINARY:
        pytest.skip("LOCAL_SLACK does not name the binary of local-slack: `make test-slack`")
    folder, mode = tmp_path_factory.mktemp(request.param), str(request.param)
    slack_port, proxy_port, app_port = _free_ports(3)
    slack_url, url = f"http://127.0.0.1:{slack_port}", f"http://127.0.0.1:{proxy_port}"
    policy = folder / "policy.yaml"
    environ = {
        "FLYWHEEL_HOME": str(folder / "home"),
        "FLYWHEEL_WORKER_CONFIG": '{"poll_seconds": 0.2, "sweep_seconds": 0.5}',
        "FLYWHEEL_SLACK_CONFIG": '{"edit_seconds": 0.3}',
        "FLYWHEEL_APPROVAL_CONFIG__APPROVERS": f"{ADA},{EVE}",
        "FLYWHEEL_DECISION_CONFIG__POLICY_FILE": str(policy),
        "SLACK_BOT_TOKEN": "xoxb-peer",
        "SLACK_SIGNING_SECRET": SECRET,
        **({"SLACK_APP_TOKEN": "xapp-peer"} if mode == "socket" else {}),
    }
    async with AsyncExitStack() as stack:
        backends = await stack.enter_async_context(open_backends(load_settings(environ=environ)))
        await backends.logs.append(log_records(600))
        slack = await stack.enter_async_context(
            local_slack(BINARY, folder, mode, f"{url}/deliver", slack_port)
        )
        events = f"http://127.0.0.1:{app_port}/slack/events"
        passing = await stack.enter_async_context(proxy(slack_url, events, mode, proxy_port))
        app = App(f"{url}/api/", app_port, environ, folder / "app.log")
        found = Peer(mode, slack, passing, app, backends, policy)
        found.use_policy()
        await stack.enter_async_context(running(app))
        yield found


@pytest.fixture(autouse=True)
def usual_day(peer: Peer) -> None:
    """Nothing goes wrong, and the policy is the packaged one."""
    peer.proxy.faults.clear()
    peer.proxy.twice = False
    peer.use_policy()


def _free_ports(number: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [int(listener.getsockname()[1]) for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports
