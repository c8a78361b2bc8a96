"""A small, learnable log and a worker, for tests that run the real thing."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import orjson

from flywheel.ports.backends import Backends
from flywheel.service import runs
from flywheel.views import Actor, RunRequest, RunView
from flywheel.worker import run_worker

WORDS = {
    "Earnings": "profit quarter revenue beats estimates results margin sales".split(),
    "Dividend": "dividend payout shareholders declares yield special ex-date".split(),
    "Merger": "acquires takeover deal buyout merger bid stake offer".split(),
}
COMMON = "shares group company plans report says market after chief year".split()

ANALYST = Actor(id="U-ANALYST", name="analyst", origin="slack")
APPROVER = Actor(id="U-APPROVER", name="approver", origin="slack")
SHELL = Actor(id="cli:me", name="me", origin="cli")


def write_log(path: Path, records: int = 300, seed: int = 1) -> Path:
    """Headlines that a linear student learns well, in the shape that production writes."""
    rng = random.Random(seed)
    with path.open("wb") as file:
        for number in range(records):
            label = rng.choice(list(WORDS))
            words = rng.choices(WORDS[label], k=3) + rng.choices(COMMON, k=4)
            rng.shuffle(words)
            record = {
                "timestamp": 1_760_000_000 + number,
                "workload_id": "news",
                "client_id": "desk",
                "request": {
                    "model": "big",
                    "messages": [{"role": "user", "content": f"{' '.join(words)} {number}"}],
                },
                "response": {
                    "model": "big",
                    "choices": [{"message": {"role": "assistant", "content": f"[[[{label}]]]"}}],
                    "usage": {"prompt_tokens": 60, "completion_tokens": 6},
                },
            }
            file.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
    return path


@asynccontextmanager
async def working(backends: Backends) -> AsyncIterator[None]:
    """A worker in this process."""
    stop = asyncio.Event()
    task = asyncio.create_task(run_worker(backends, stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def until(
    backends: Backends, run_id: str, condition: Callable[[RunView], bool], seconds: float = 60
) -> RunView:
    """The run, once the condition holds."""
    async with asyncio.timeout(seconds):
        while not condition(view := await runs.get_run(backends, run_id)):
            await asyncio.sleep(0.05)
    return view


def ended(view: RunView) -> bool:
    """Whether nothing more happens to the run."""
    return view.status in {"completed", "failed", "cancelled"}


async def start(backends: Backends, **wishes: object) -> RunView:
    """A run of the small log."""
    request = RunRequest.model_validate({"workload_id": "news", "eval_size": 60, **wishes})
    return await runs.start_run(backends, request, ANALYST)
