"""The app, the proxy and the other Slack, together."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from flywheel.ports.backends import Backends
from flywheel.wiring import open_backends
from tests.bot.conftest import log_records
from tests.peers.slack.app import App
from tests.peers.slack.faults import Fault
from tests.peers.slack.local_slack import (
    ADA,
    APP_TOKEN,
    BEN,
    BOT_TOKEN,
    CHANNEL,
    SIGNING_SECRET,
    Json,
    LocalSlack,
    Mode,
    free_port,
    local_slack,
)
from tests.peers.slack.proxy import Proxy, proxy_between

VARIABLE = "LOCAL_SLACK"
RUN = "run news eval_size=150 candidates=tfidf-svm"
_QUICK = '{"poll_seconds": 0.1, "lease_seconds": 5, "sweep_seconds": 0.3}'


@dataclass(frozen=True)
class Peer:
    """All three, and short words for what happens between them."""

    mode: Mode
    slack: LocalSlack
    proxy: Proxy
    app: App

    async def started(self, channel: str = CHANNEL) -> tuple[str, Json]:
        """Start a run, and wait until its card is there: its name, and the card."""
        before = {m["ts"] for m in await self.slack.messages(channel)}
        await self.slack.command(BEN, RUN, channel)
        card = await self.slack.until(
            lambda m: m["ts"] not in before and (m["text"] or "").startswith("Run r-"), channel
        )
        return card["text"].split()[1], card

    async def completed(self) -> tuple[str, Json]:
        """Start a run, and wait until its results are there: its name, and the results."""
        run_id, _ = await self.started()
        return run_id, await self.slack.until_says(f"Results of {run_id} on")

    async def now(self, message: Json) -> Json:
        """A message as it is now."""
        return next(m for m in await self.slack.messages() if m["ts"] == message["ts"])

    async def until_shows(self, message: Json, part: str) -> Json:
        """A message, once some text of it has this part."""
        return await self.slack.until(
            lambda m: m["ts"] == message["ts"] and part in json.dumps(m, ensure_ascii=False)
        )

    @asynccontextmanager
    async def backends(self) -> AsyncIterator[Backends]:
        """What the app's own are, for a look from outside."""
        async with open_backends(self.app.settings, with_queue=False) as backends:
            yield backends

    @asynccontextmanager
    async def failing(self, *faults: Fault) -> AsyncIterator[None]:
        """These go wrong meanwhile."""
        self.proxy.faults.extend(faults)
        try:
            yield
        finally:
            self.proxy.faults.clear()


@asynccontextmanager
async def peer_in(folder: Path, mode: Mode, **variables: str) -> AsyncIterator[Peer]:
    """A home with a log of 600 records, on a Slack with nothing said; skips where there is none."""
    binary = os.environ.get(VARIABLE, "")
    if not binary:
        pytest.skip(f"{VARIABLE} names no binary; `make test-slack` installs one")
    if not os.access(binary, os.X_OK):
        pytest.skip(f"{binary} is not there: the npm package could not be installed here")
    between, port = free_port(), free_port()
    app = App(
        folder / "home",
        f"http://127.0.0.1:{between}/api/",
        port,
        **{
            "FLYWHEEL_WORKER_CONFIG": _QUICK,
            "FLYWHEEL_SLACK_CONFIG": '{"edit_seconds": 0.2}',
            "FLYWHEEL_APPROVAL_CONFIG__APPROVERS": ADA,
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_SIGNING_SECRET": SIGNING_SECRET,
            **({"SLACK_APP_TOKEN": APP_TOKEN} if mode == "socket" else {}),
            **variables,
        },
    )
    async with open_backends(app.settings, with_queue=False) as backends:
        await backends.logs.append(log_records(600))
    delivered_to = f"http://127.0.0.1:{between}/slack/events"
    async with (
        local_slack(binary, folder, mode, delivered_to) as slack,
        proxy_between(mode, between, slack.url, port) as proxy,
    ):
        try:
            await app.start()
            yield Peer(mode, slack, proxy, app)
        finally:
            await app.stop()


def buttons(message: Json) -> list[str]:
    """The names of a message's buttons."""
    return [
        element["action_id"]
        for block in message["blocks"] or []
        if block["type"] == "actions"
        for element in block["elements"]
    ]
