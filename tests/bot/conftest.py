"""A console conversation on real services: signed requests in, a strict Slack out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from bot.console.person import Person, buttons
from bot.console.stage import Stage, open_stage
from bot.console.workspace import Change, Posted
from bot.views.results import APPROVE, REJECT
from flywheel.ports.backends import Backends
from flywheel.ports.logs import StoredRecord
from flywheel.records import record_id
from flywheel.service.runs import get_run
from flywheel.settings import Settings
from flywheel.wiring import open_backends
from flywheel.worker import run_worker

ADA, BEN = "U0APPROVE01", "U0READER002"
PEOPLE = {ADA: "ada", BEN: "ben"}
WORKLOAD = "news"
SECONDS = 60.0

_WORDS = {
    "Earnings": ("profit quarter revenue", "results beat the estimate", "income grew strongly"),
    "Dividend": ("dividend declared per share", "payout for shareholders", "special dividend paid"),
    "Merger": ("takeover deal announced", "bid to acquire a rival", "merger talks confirmed"),
}


def log_records(number: int) -> list[StoredRecord]:
    """A log that is easy to learn."""
    found = []
    for i in range(number):
        label = list(_WORDS)[i % len(_WORDS)]
        text = f"Company {i} of {i * 7919 % 1009}: {_WORDS[label][i // 3 % 3]} item {i}"
        usage = {"prompt_tokens": 60, "completion_tokens": 6, "total_tokens": 66}
        answer = {"role": "assistant", "content": f"[[[{label}]]]"}
        record = {
            "timestamp": 1_700_000_000 + i,
            "workload_id": WORKLOAD,
            "client_id": "desk",
            "request": {"model": "big-model", "messages": [{"role": "user", "content": text}]},
            "response": {
                "id": f"c-{i}",
                "object": "chat.completion",
                "created": 1_700_000_000 + i,
                "model": "big-model",
                "choices": [{"index": 0, "message": answer, "finish_reason": "stop"}],
                "usage": usage,
            },
        }
        body = orjson.dumps(record)
        found.append(
            StoredRecord(record_id(record), 1_700_000_000.0 + i, WORKLOAD, "desk", label, body)
        )
    return found


@dataclass(frozen=True)
class Scene:
    """A stage, and short words for what happens on it."""

    stage: Stage
    backends: Backends

    @property
    def ada(self) -> Person:
        """The approver."""
        return self.stage.people[ADA]

    @property
    def ben(self) -> Person:
        """Somebody else."""
        return self.stage.people[BEN]

    @property
    def channel(self) -> str:
        """Where they talk."""
        return self.stage.workspace.channel

    async def command(self, text: str, by: Person | None = None) -> list[Change]:
        """Type `/flywheel <text>`; what changed until the app had nothing left to do."""
        seen = len(self.stage.workspace.changes)
        response = await (by or self.ada).command(self.channel, text)
        assert response.status == 200
        return await self.since(seen)

    async def press(
        self, message: Posted, action_id: str, by: Person, block_id: str | None = None
    ) -> list[Change]:
        """Press a button; what changed until the app had nothing left to do."""
        seen = len(self.stage.workspace.changes)
        assert (await by.press(message, action_id, block_id)).status == 200
        return await self.since(seen)

    async def since(self, seen: int) -> list[Change]:
        """The changes after the first `seen`, once the app has nothing left to do."""
        await self.stage.bot.inbox.idle()
        return self.stage.workspace.changes[seen:]

    async def card(self, text: str) -> Posted:
        """Start a run and return its card."""
        posted = [c.message for c in await self.command(text) if c.kind == "posted"]
        assert posted, [c.message.text for c in self.stage.workspace.changes if c.message]
        assert posted[0] is not None
        return posted[0]

    async def announced(self, run_id: str) -> Posted:
        """Show a run of this home in the channel; returns its card."""
        seen = len(self.stage.workspace.changes)
        await self.stage.bot.relay.announce(await get_run(self.backends, run_id), self.channel)
        card = self.stage.workspace.changes[seen].message
        assert card is not None
        return card

    async def reply(self, card: Posted, start: str) -> Posted:
        """The message in a card's thread that starts like this, as soon as it is there."""

        def look() -> Posted | None:
            assert "*Failed*" not in shown(card), shown(card)
            thread = self.stage.workspace.thread(card.channel, card.ts)[1:]
            return next((m for m in thread if m.text.startswith(start)), None)

        return await self.stage.workspace.wait_for(look, SECONDS)

    async def until_text(self, message: Posted, part: str) -> None:
        """Wait until a message says this."""
        await self.stage.workspace.wait_for(
            lambda: True if part in shown(message) else None, SECONDS
        )


def whispers(changes: list[Change]) -> str:
    """What somebody alone was told."""
    return "\n".join(
        shown(c.message) for c in changes if c.kind == "whispered" and c.message is not None
    )


def shown(message: Posted) -> str:
    """All text of a message."""
    return "\n".join([message.text, orjson.dumps(message.blocks).decode()])


def action_ids(message: Posted) -> list[str]:
    """The buttons of a message."""
    return [button["action_id"] for button in buttons(message.blocks)]


def deciding(message: Posted) -> list[str]:
    """Those of the buttons in which people decide."""
    return [action for action in action_ids(message) if action in {APPROVE, REJECT}]


@asynccontextmanager
async def scene_in(
    settings: Settings, records: int, *, worker: bool = False, relay: bool = True
) -> AsyncIterator[Scene]:
    """A conversation in this home, without pictures: they take seconds to draw."""
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        backends = await stack.enter_async_context(open_backends(settings))
        if records:
            await backends.logs.append(log_records(records))
        opening = open_stage(backends, PEOPLE, [ADA], relay=relay, pictures=False)
        stage = await stack.enter_async_context(opening)
        driving = asyncio.create_task(run_worker(backends, stop)) if worker else None
        try:
            yield Scene(stage, backends)
        finally:
            stop.set()
            if driving is not None:
                await driving


@pytest.fixture
def quick(settings: Settings) -> Settings:
    """Two small students, edits as fast as they come, and prices."""
    return settings.model_copy(
        update={
            "slack_config": settings.slack_config.model_copy(update={"edit_seconds": 0.05}),
            "local_platform_config": settings.local_platform_config.model_copy(
                update={"candidates": ["tfidf-svm", "hashing-sgd"]}
            ),
        }
    )


@pytest.fixture
async def scene(quick: Settings) -> AsyncIterator[Scene]:
    """A conversation with a log, without a worker: runs wait."""
    async with scene_in(quick, 30) as opened:
        yield opened


@pytest.fixture
async def quiet_scene(quick: Settings) -> AsyncIterator[Scene]:
    """The same, and nobody relays: the test does, as fast as it likes."""
    slack = quick.slack_config.model_copy(update={"edit_seconds": 0.0})
    hasty = quick.model_copy(update={"slack_config": slack})
    async with scene_in(hasty, 30, relay=False) as opened:
        yield opened


@pytest.fixture
async def completed_scene(quick: Settings, completed_home: Path) -> AsyncIterator[Scene]:
    """A conversation in a home where r-1 has been completed; it is not in the channel yet."""
    async with scene_in(quick.model_copy(update={"home": completed_home}), 0) as opened:
        yield opened


@pytest.fixture
async def working_scene(quick: Settings) -> AsyncIterator[Scene]:
    """A conversation with a log and a worker."""
    async with scene_in(quick, 600, worker=True) as opened:
        yield opened
