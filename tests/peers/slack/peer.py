"""The app, the proxy and the other Slack, together."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import update

from bot.models import SlackCard, SlackDelivery, SlackNotice, SlackPost
from bot.views.decision import MODEL, REASON
from bot.views.results import APPROVE
from flywheel.clock import utc_now
from flywheel.ports.backends import Backends
from flywheel.service.promotions import incumbents
from flywheel.wiring import open_backends
from tests.bot.conftest import log_records
from tests.peers.slack.app import App
from tests.peers.slack.faults import Fault, killing
from tests.peers.slack.local_slack import (
    ADA,
    APP_TOKEN,
    BEN,
    BOT_TOKEN,
    CHANNEL,
    CLEO,
    DAN,
    SECONDS,
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

    async def started(self, by: str = BEN, channel: str = CHANNEL) -> tuple[str, Json]:
        """Start a run, and wait until its card is there: its name, and the card."""
        before = {m["ts"] for m in await self.slack.messages(channel)}
        await self.slack.command(by, RUN, channel)
        card = await self.slack.until(
            lambda m: m["ts"] not in before and (m["text"] or "").startswith("Run r-"), channel
        )
        return card["text"].split()[1], card

    async def completed(self, by: str = BEN) -> tuple[str, Json]:
        """Start a run, and wait until its results are there: its name, and the results."""
        run_id, _ = await self.started(by)
        return run_id, await self.slack.until_says(f"Results of {run_id} on")

    async def opens(self, user: str, results: Json) -> None:
        """Press Approve, and wait for the modal."""
        seen = len(self.proxy.calls_of("views.open"))
        await self.slack.press(user, results, APPROVE)
        await self.proxy.until_called("views.open", number=seen + 1)

    async def presses_in_vain(self, user: str, message: Json, action_id: str) -> str:
        """Press a button that does nothing any more, or not for them; what they are told."""
        before = {m["ts"] for m in await self.slack.messages()}
        await self.slack.press(user, message, action_id)
        told = await self.slack.until(
            lambda m: m["ts"] not in before and m.get("ephemeral_to") == user
        )
        return str(told["text"])

    async def serving(self) -> list[tuple[str, str]]:
        """What serves, and who has let it."""
        async with self.backends() as backends:
            return [(p.run_id, p.approved_by) for p in await incumbents(backends)]

    async def killed_after(self, method: str, part: str) -> None:
        """Kill the app when Slack has done this call, but has not said so; then start it again.

        By then it is long ago, so that what the dead process has claimed is free.
        """
        dead = asyncio.Event()

        async def kill() -> None:
            await self.app.kill()
            dead.set()

        async with self.failing(killing(method, lambda sent: part in json.dumps(sent), kill)):
            await asyncio.wait_for(dead.wait(), SECONDS)
        then = utc_now() - timedelta(minutes=5)
        async with self.backends() as backends, backends.database.transaction() as session:
            await session.exec(update(SlackCard).values(shown_at=then))
            await session.exec(update(SlackPost).values(claimed_at=then))
            await session.exec(update(SlackNotice).values(claimed_at=then))
            await session.exec(update(SlackDelivery).values(lease_until=then))
        await self.app.start()

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
    """A home with a log of 600 records, on a Slack with nothing said; skips where there is none.

    Ada, cleo and dan decide, not on runs of their own.
    """
    binary = os.environ.get(VARIABLE, "")
    if not binary:
        pytest.skip(f"{VARIABLE} names no binary; `make test-slack` installs one")
    if not os.access(binary, os.X_OK):
        pytest.skip(f"{binary} is not there: the npm package could not be installed here")
    policy = folder / "policy.yaml"
    policy.write_text("margin: 0.25\napproval: {four_eyes: true}\n")
    between, port = free_port(), free_port()
    app = App(
        folder / "home",
        f"http://127.0.0.1:{between}/api/",
        port,
        **{
            "FLYWHEEL_WORKER_CONFIG": _QUICK,
            "FLYWHEEL_SLACK_CONFIG": '{"edit_seconds": 0.2}',
            "FLYWHEEL_APPROVAL_CONFIG__APPROVERS": f"{ADA},{CLEO},{DAN}",
            "FLYWHEEL_DECISION_CONFIG__POLICY_FILE": str(policy),
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


def filled_in(reason: str) -> Json:
    """The modal of an approval."""
    chosen = {"type": "static_select", "selected_option": {"value": "tfidf-svm"}}
    typed = {"type": "plain_text_input", "value": reason}
    return {MODEL: {MODEL: chosen}, REASON: {REASON: typed}}


def buttons(message: Json) -> list[str]:
    """The names of a message's buttons."""
    return [
        element["action_id"]
        for block in message["blocks"] or []
        if block["type"] == "actions"
        for element in block["elements"]
    ]
