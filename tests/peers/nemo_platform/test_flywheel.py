"""The whole flywheel on the real server: by the command line, as a person would."""

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flywheel.adapters.nemo_platform import names
from flywheel.adapters.nemo_platform.client import Collection, Kind, NemoPlatformClient
from flywheel.adapters.nemo_platform.wire import PlatformJob
from flywheel.settings import NemoPlatformConfig
from tests.support.programs import Finished, flywheel, start
from tests.support.running import write_log

SECONDS = 420.0
KINDS: tuple[Kind, ...] = ("filesets", "providers", "models")
COLLECTIONS: tuple[Collection, ...] = ("students", "evaluate")


class Desk:
    """The commands of one installation that is set to the server."""

    def __init__(self, home: Path, config: NemoPlatformConfig) -> None:
        self._home = home
        self._environ = {
            "FLYWHEEL_PLATFORM": "nemo-platform",
            "FLYWHEEL_NEMO_PLATFORM_CONFIG": config.model_dump_json(),
        }

    async def run(self, *words: str) -> Finished:
        """A command to its end."""
        return await asyncio.to_thread(
            flywheel, self._home, *words, seconds=SECONDS, **self._environ
        )

    async def shown(self) -> dict[str, Any]:
        """The last run."""
        shown: dict[str, Any] = json.loads((await self.run("show", "last", "--json")).stdout)
        return shown

    def start(self, *words: str) -> Any:
        """A command that goes on."""
        return start(self._home, *words, **self._environ)


@pytest.fixture
def desk(tmp_path: Path, config: NemoPlatformConfig) -> Desk:
    """In a home of its own."""
    return Desk(tmp_path / "home", config)


async def ours(client: NemoPlatformClient) -> set[str]:
    """The names of all that runs have made on the server."""
    found = [await client.names(kind) for kind in KINDS]
    found += [await client.job_names(collection) for collection in COLLECTIONS]
    found.append([model.partition("/")[2] for model in await client.gateway_models()])
    return {name for some in found for name in some if "fw-" in name}


async def until(condition: Callable[[], Any]) -> Any:
    """What the condition gives, once it gives something."""
    async with asyncio.timeout(SECONDS):
        while not (found := await condition()):
            await asyncio.sleep(0.2)
    return found


async def test_a_run_from_log_to_verdict_and_nothing_left_of_it(
    desk: Desk, client: NemoPlatformClient, tmp_path: Path
) -> None:
    log = write_log(tmp_path / "log.jsonl", 400)
    assert "400 added" in (await desk.run("logs", "import", str(log))).stdout
    worker = desk.start("worker")
    try:
        assert "NeMo Platform 0.6.0" in (await desk.run("doctor")).stdout
        wish = ("run", "news", "--eval-size", "100", "--candidates", "tfidf-svm", "--wait")
        done = await desk.run(*wish)
        assert done.returncode == 0, done.stdout + done.stderr
        run = await desk.shown()
        assert run["status"] == "completed"
        scores = {e["eval_type"]: e["detail"] for e in run["nims"][0]["evaluations"]}
        base, customized = scores["base-eval"], scores["customized-eval"]
        assert base["macro_f1"]["value"] < 0.3
        assert customized["macro_f1"]["value"] > 0.9
        assert customized["n"] == 100

        # The Evaluator's own score of the same answers is the one that we compute as token F1.
        evaluation = next(n for n in await client.job_names("evaluate") if "customized" in n)
        aggregate = (await client.aggregate_scores(evaluation)).scores[0]
        assert aggregate.count == 100
        assert aggregate.mean == pytest.approx(customized["token_f1"], abs=1e-6)

        assert not await client.names("providers")  # nobody is served once the answers are read
        deleted = await desk.run("delete", "last")
        assert deleted.returncode == 0, deleted.stderr

        async def nothing() -> bool:
            return not await ours(client)

        await until(nothing)
        assert not list((tmp_path / "home" / "nemo-platform").glob("*"))
    finally:
        worker.terminate()
        worker.communicate(timeout=60)


async def test_a_run_is_cancelled_in_the_middle_of_its_training(
    desk: Desk, client: NemoPlatformClient, tmp_path: Path
) -> None:
    log = write_log(tmp_path / "log.jsonl", 30_000)
    await desk.run("logs", "import", str(log))
    worker = desk.start("worker")
    try:
        await desk.run("run", "news", "--eval-size", "50", "--candidates", "tfidf-svm")

        async def in_training() -> PlatformJob | None:
            for name in await client.job_names("students"):
                job = await client.job("students", name)
                if job is not None and job.doing.startswith(("reading the texts", "fitting")):
                    return job
            return None

        training: PlatformJob = await until(in_training)
        # The trainer stands still in the middle of its work until it is to be stopped: else it
        # could be done before the command to cancel has started.
        pid = int(training.status_details["pid"])
        os.kill(pid, signal.SIGSTOP)
        assert (await desk.run("cancel", "last")).returncode == 0

        async def stopping() -> bool:
            job = await client.job("students", training.name)
            return job is not None and job.status != "active"

        await until(stopping)
        os.kill(pid, signal.SIGCONT)

        async def ended() -> bool:
            status: str = (await desk.shown())["status"]
            return status == "cancelled"

        await until(ended)
        job = await client.job("students", training.name)
        assert job is not None
        assert job.status == "cancelled"
        uid = training.name.removesuffix("-tfidf-svm-customize")
        filesets = await client.names("filesets")
        assert names.train_fileset(uid) in filesets
        assert names.model_fileset(uid, "tfidf-svm") not in filesets
        assert (await desk.run("delete", "last")).returncode == 0

        async def nothing() -> bool:
            return not await ours(client)

        await until(nothing)
    finally:
        worker.terminate()
        worker.communicate(timeout=60)
