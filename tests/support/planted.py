"""A platform whose candidates are planted: copies of the teacher with a known number of faults.

It holds to the protocol strictly and keeps its state in files, so that any number of workers, one
after the other, see the same jobs.
"""

import asyncio
import fcntl
import json
import random
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import orjson

from flywheel.errors import DataError
from flywheel.ports.platform import (
    CandidateSpec,
    CustomizeJob,
    EvaluateJob,
    Job,
    JobKind,
    JobStatus,
    Leftover,
    ModelArtifact,
    PredictionRow,
    WorkloadType,
)
from flywheel.scheduling.packing import Demand

Calls = list[dict[str, Any]]
Fault = Callable[[dict[str, Any]], None]  # changes the teacher's message


def redressed(message: dict[str, Any]) -> None:
    """Other key order, white space and number form, calls in another order: no fault at all."""
    calls = message.get("tool_calls") or []
    calls.reverse()
    for call in calls:
        value = _reversed(_arguments(call))
        call["function"]["arguments"] = json.dumps(value, indent=3)


def dropped(message: dict[str, Any]) -> None:
    message["tool_calls"].pop()


def renamed(message: dict[str, Any]) -> None:
    message["tool_calls"][0]["function"]["name"] += "_v2"


def changed(message: dict[str, Any]) -> None:
    call = message["tool_calls"][0]
    call["function"]["arguments"] = json.dumps({**_arguments(call), "of no use": True})


def cut_off(message: dict[str, Any]) -> None:
    call = message["tool_calls"][0]
    call["function"]["arguments"] = json.dumps(_arguments(call))[:-1]


def added(message: dict[str, Any]) -> None:
    extra = {"name": "say_hello", "arguments": '{"to": "you"}'}
    message["tool_calls"].append({"id": "x", "type": "function", "function": extra})


def off_the_subject(message: dict[str, Any]) -> None:
    message["content"] = "no idea"


def _arguments(call: dict[str, Any]) -> dict[str, Any]:
    arguments = call["function"]["arguments"]
    value: dict[str, Any] = json.loads(arguments) if isinstance(arguments, str) else arguments
    return value


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _reversed(value[key]) for key in reversed(value)}
    if isinstance(value, list):
        return [_reversed(member) for member in value]
    return float(value) if type(value) is int else value


class Planted:
    """A candidate that answers like the teacher but for the planted faults, in `share` of rows."""

    def __init__(self, name: str, share: float = 0.0, *faults: Fault) -> None:
        self.name, self.share, self.faults = name, share, faults

    def answers(self, evaluation: Path) -> list[PredictionRow]:
        """The answer to each line, faults spread over the rows by a fixed seed."""
        lines = [orjson.loads(line) for line in evaluation.read_bytes().splitlines()]
        order = random.Random(self.name).sample(range(len(lines)), len(lines))
        faulty = set(order[: round(self.share * len(lines))])
        rows = []
        for row, line in enumerate(lines):
            message = line["response"]["choices"][0]["message"]
            if row in faulty:
                self.faults[row % len(self.faults)](message)
            rows.append(
                PredictionRow(
                    row=row,
                    answer=message.get("content") or "",
                    tool_calls=message.get("tool_calls"),
                    seconds=0.01,
                    input_tokens=20,
                    output_tokens=5,
                )
            )
        return rows


class PlantedPlatform:
    """Runs jobs by name, each of which is done at its second look."""

    name = "planted"
    uploads = False
    deploys = False
    all_types: ClassVar[frozenset[WorkloadType]] = frozenset({"tool_calling", "generic"})

    def __init__(self, root: Path, *candidates: Planted) -> None:
        self.workload_types = self.all_types
        self._root = root / "planted"
        self._candidates = {candidate.name: candidate for candidate in candidates}
        self._root.mkdir(parents=True, exist_ok=True)

    def candidates(self) -> list[CandidateSpec]:
        return [
            CandidateSpec(
                name=name,
                description=f"the teacher, wrong on {candidate.share:.0%}",
                base_label="nothing",
                workload_types=self.all_types,
            )
            for name, candidate in self._candidates.items()
        ]

    async def start(self, job: Job) -> None:
        if job.candidate not in self._candidates:
            raise DataError(f"There is no candidate {job.candidate}.")
        with self._job(job) as kept:
            if not kept:
                kept.update(state="running", job=job.model_dump(mode="json"), looks=0)
            assert kept["job"] == job.model_dump(mode="json"), "one name, two jobs"

    async def poll(self, job: Job) -> JobStatus:
        with self._job(job) as kept:
            if not kept:
                return JobStatus(state="failed", error="It was never started.")
            if kept["state"] == "running":
                kept["looks"] += 1
                if kept["looks"] > 1:
                    kept["state"] = "completed"
            done = kept["state"] == "completed"
            artifact = self._artifact(job) if done and isinstance(job, CustomizeJob) else None
            return JobStatus(state=kept["state"], percent=100 * done, artifact=artifact)

    async def cancel(self, job: Job) -> bool:
        with self._job(job) as kept:
            if kept.get("state") != "completed":
                kept.update(state="cancelled", job=job.model_dump(mode="json"), looks=0)
        return True

    async def predictions(self, job: EvaluateJob) -> list[PredictionRow]:
        with self._job(job) as kept:
            assert kept["state"] == "completed", "asked before it was done"
        candidate = self._candidates[job.candidate]
        if job.eval_type == "base-eval":  # before it has learned anything it says nothing
            return [
                row.model_copy(update={"answer": "", "tool_calls": None})
                for row in candidate.answers(Path(job.datasets.eval))
            ]
        assert job.artifact is not None
        return candidate.answers(Path(job.datasets.eval))

    async def verify(self, artifact: ModelArtifact) -> None:
        if not await asyncio.to_thread(Path(artifact.uri).exists):
            raise DataError(f"The model {artifact.uri} is gone.")

    async def budget(self) -> dict[str, int]:
        return {"jobs": 2}

    def demand(self, kind: JobKind, candidate: str) -> Demand:
        return Demand("jobs", 1)

    def expected_seconds(self, kind: JobKind, candidate: str) -> float:
        return 1.0

    def own_judge(self) -> None:
        return None

    async def remove(self, run_uid: str) -> list[Leftover]:
        for path in self._root.glob(f"{run_uid}-*"):
            path.unlink()
        return []

    async def leftovers(self, run_uids: Collection[str]) -> list[Leftover]:
        return []

    async def ping(self) -> str:
        return f"{len(self._candidates)} planted"

    def _artifact(self, job: CustomizeJob) -> ModelArtifact:
        model = self._root / f"{job.name}.model"
        model.write_text(job.candidate)
        return ModelArtifact(
            uri=str(model),
            digest=sha256(job.name.encode()).hexdigest(),
            size_bytes=model.stat().st_size,
            train_records=Path(job.datasets.train).read_bytes().count(b"\n"),
            train_seconds=0.1,
            params={"seed": job.seed},
        )

    @contextmanager
    def _job(self, job: Job) -> Iterator[dict[str, Any]]:
        """What is kept of the job, written back afterwards; one process at a time."""
        with (self._root / f"{job.name}.json").open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            kept = json.loads(file.read() or "{}")
            yield kept
            file.seek(0)
            file.truncate()
            file.write(json.dumps(kept))
