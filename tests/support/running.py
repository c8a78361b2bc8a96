"""A small, learnable log and a worker, for tests that run the real thing."""

import asyncio
import random
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
from sqlmodel import select

from flywheel.db.models import Evaluation, Event, Step
from flywheel.ports.backends import Backends
from flywheel.runs.graph import EVALUATIONS
from flywheel.service import runs
from flywheel.service.logs import import_files
from flywheel.settings import Settings
from flywheel.settings.load import load_settings
from flywheel.views import Actor, RunRequest, RunView
from flywheel.wiring import open_backends
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


def settings_of(home: Path) -> Settings:
    """The settings of all tests, in this home."""
    return load_settings(
        environ={
            "FLYWHEEL_HOME": str(home),
            "FLYWHEEL_WORKER_CONFIG": (
                '{"poll_seconds": 0.2, "lease_seconds": 2, "sweep_seconds": 0.5}'
            ),
        }
    )


def with_two_candidates(settings: Settings) -> Settings:
    """Two cheap candidates, and one person who may approve."""
    update = {
        "local_platform_config": settings.local_platform_config.model_copy(
            update={"candidates": ["tfidf-logreg", "hashing-sgd"]}
        ),
        "approval_config": settings.approval_config.model_copy(update={"approvers": [APPROVER.id]}),
    }
    return settings.model_copy(update=update)


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
    seen = None
    async with asyncio.timeout(seconds):
        while True:
            versions = await runs.run_versions(backends, [run_id])
            if versions != seen:  # a whole view costs much more than this look
                seen = versions
                if condition(view := await runs.get_run(backends, run_id)):
                    return view
            await asyncio.sleep(0.05)


def ended(view: RunView) -> bool:
    """Whether nothing more happens to the run."""
    return view.status in {"completed", "failed", "cancelled"}


async def start(backends: Backends, policy: Path | None = None, **wishes: object) -> RunView:
    """A run of the small log."""
    request = RunRequest.model_validate({"workload_id": "news", "eval_size": 60, **wishes})
    return await runs.start_run(backends, request, ANALYST, policy)


async def assert_everything_happened_once(backends: Backends, view: RunView) -> None:
    """By the rows of the only run."""
    assert view.status == "completed", view.error
    async with backends.database.transaction() as session:
        steps = list(await session.exec(select(Step)))
        scored = list(await session.exec(select(Evaluation.candidate, Evaluation.eval_type)))
        told = Counter(await session.exec(select(Event.text)))
    assert {step.status for step in steps} == {"completed"}
    evaluated = [(step.candidate, step.kind) for step in steps if step.kind in EVALUATIONS]
    assert sorted(scored) == sorted(evaluated)
    assert {text: n for text, n in told.items() if n > 1} == {}


class KeptHome:
    """A home with the completed run r-1, made once for all tests that begin where a run has ended.

    It comes back at the same place: rows, jobs and receipts name their files by whole paths.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "home"
        self._kept = folder / "kept"

    async def make(self, settings: Settings) -> None:
        """Run the small log, on enough records for the policy, which would ask for an incumbent."""
        log = write_log(self.path.with_name("log.jsonl"))
        policy = self.path.with_name("policy.yaml")
        policy.write_text("reference: incumbent\n")
        request = RunRequest(workload_id="news", eval_size=100)
        async with open_backends(settings) as backends:
            await import_files(backends.logs, [log], reject_dir=self.path)
            async with working(backends):
                run = await runs.start_run(backends, request, ANALYST, policy)
                view = await until(backends, run.id, ended)
        assert view.status == "completed", view.error
        shutil.copytree(self.path, self._kept)

    def restore(self) -> None:
        """As it was when the run had ended, whatever a test has done to it."""
        shutil.rmtree(self.path)
        shutil.copytree(self._kept, self.path)
