"""Datasets of two kinds, and the jobs of a run on NeMo."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from flywheel.adapters.nemo import NemoPlatform
from flywheel.datasets.classes import ANSWER
from flywheel.datasets.formats import evaluation_line, training_line
from flywheel.ports.platform import (
    CustomizeJob,
    DatasetFiles,
    DeployJob,
    EvalType,
    EvaluateJob,
    Job,
    JobStatus,
    UploadJob,
)
from flywheel.settings import IclConfig, TrainingConfig
from tests.support.nemo_double import NemoDouble
from tests.support.records import answer, call_record, record
from tests.support.running import COMMON, WORDS

SMALL = "meta/llama-3.2-1b-instruct"
MEDIUM = "meta/llama-3.2-3b-instruct"
LARGE = "meta/llama-3.1-8b-instruct"
TOOLS = {"Earnings": "search", "Dividend": "book", "Merger": "cancel"}
TRAIN, VAL, EVAL = 120, 20, 30


def headlines(number: int, seed: int = 1) -> list[tuple[str, str]]:
    """Texts with their labels; a student learns them well."""
    rng = random.Random(seed)
    found = []
    for place in range(number):
        label = rng.choice(list(WORDS))
        words = rng.choices(WORDS[label], k=3) + rng.choices(COMMON, k=4)
        rng.shuffle(words)
        found.append((f"{' '.join(words)} {place}", label))
    return found


def classified(text: str, label: str, number: int, **wishes: Any) -> dict[str, Any]:
    """A record as it is logged; `wishes` stand in its request."""
    made = record(text, label, number)
    made["request"] |= {"temperature": 0.0, "max_tokens": 16, **wishes}
    return made


def called(text: str, label: str, number: int) -> dict[str, Any]:
    """The same task by tools."""
    arguments = f'{{"topic": "{label}"}}'
    made = call_record(text, TOOLS[label], number=number, arguments=arguments)
    made["request"] |= {"temperature": 0.0, "max_tokens": 64, "tool_choice": "required"}
    return made


def written(text: str, label: str, number: int) -> dict[str, Any]:
    """The same task in free text."""
    made = classified(text, label, number)
    made["response"] = answer(f"This is about {label.lower()}.")
    return made


def datasets(
    folder: Path, make: Callable[[str, str, int], dict[str, Any]] = classified
) -> DatasetFiles:
    """Files as a run builds them."""
    folder.mkdir(parents=True, exist_ok=True)
    bodies = [
        (orjson.dumps(make(text, label, number)), label)
        for number, (text, label) in enumerate(headlines(TRAIN + VAL + EVAL))
    ]
    labels = [ANSWER] if make is written else sorted(WORDS)
    lines = {
        "train": [training_line(body, True) for body, _ in bodies[:TRAIN]],
        "val": [training_line(body, True) for body, _ in bodies[TRAIN : TRAIN + VAL]],
        "eval": [
            evaluation_line(body, ANSWER if make is written else label, True)
            for body, label in bodies[TRAIN + VAL :]
        ],
    }
    for name, content in lines.items():
        (folder / f"{name}.jsonl").write_bytes(b"".join(content))
    paths = {name: str(folder / f"{name}.jsonl") for name in lines}
    return DatasetFiles(**paths, labels=labels)


class Run:
    """The jobs of one run."""

    def __init__(
        self, platform: NemoPlatform, double: NemoDouble, files: DatasetFiles, uid: str
    ) -> None:
        self.platform, self.double, self.files, self.uid = platform, double, files, uid

    def _name(self, *parts: str) -> str:
        return "-".join((self.uid, *parts))

    def upload(self) -> UploadJob:
        return UploadJob(
            name=self._name("upload"), run_uid=self.uid, workload_id="news", datasets=self.files
        )

    def deploy(self, candidate: str = SMALL) -> DeployJob:
        return DeployJob(
            name=self._name(candidate, "deploy"), run_uid=self.uid, candidate=candidate
        )

    def customize(self, candidate: str = SMALL, **training: Any) -> CustomizeJob:
        return CustomizeJob(
            name=self._name(candidate, "customize"),
            run_uid=self.uid,
            candidate=candidate,
            seed=7,
            datasets=self.files,
            training=TrainingConfig(**training),
        )

    def evaluate(
        self,
        eval_type: EvalType = "base-eval",
        candidate: str = SMALL,
        artifact: str | None = None,
        icl: IclConfig | None = None,
    ) -> EvaluateJob:
        return EvaluateJob(
            name=self._name(candidate, eval_type),
            run_uid=self.uid,
            candidate=candidate,
            seed=7,
            datasets=self.files,
            eval_type=eval_type,
            artifact=artifact,
            icl=icl,
        )

    async def done(self, job: Job, seconds: float = 20) -> JobStatus:
        """Start it and wait for its end."""
        await self.platform.start(job)
        return await self.ended(job, seconds)

    async def ended(self, job: Job, seconds: float = 20) -> JobStatus:
        """Its end."""
        return await self.until(job, lambda status: status.state != "running", seconds)

    async def until(
        self, job: Job, condition: Callable[[JobStatus], bool], seconds: float = 20
    ) -> JobStatus:
        """Its status, once the condition holds."""
        status = None
        try:
            async with asyncio.timeout(seconds):
                while not condition(status := await self.platform.poll(job)):
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"{job.name} is still {status}") from None
        return status

    async def cancelled(self, job: Job, seconds: float = 20) -> None:
        """Cancel it and wait for the confirmation."""
        async with asyncio.timeout(seconds):
            while not await self.platform.cancel(job):
                await asyncio.sleep(0.01)

    async def ready(self, *candidates: str) -> None:
        """Datasets uploaded, candidates deployed."""
        assert (await self.done(self.upload())).state == "completed"
        for candidate in candidates or (SMALL,):
            assert (await self.done(self.deploy(candidate))).state == "completed"
