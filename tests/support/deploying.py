"""A platform whose candidates have to be deployed before they can be asked, on a few GPUs."""

import json
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from flywheel.errors import UnavailableError
from flywheel.ports.platform import (
    CustomizeJob,
    DatasetFiles,
    DeployJob,
    EvaluateJob,
    Job,
    JobKind,
    JobStatus,
    Leftover,
    UploadJob,
)
from flywheel.scheduling.packing import Demand
from tests.support.planted import Planted, PlantedPlatform

HOLDS = {"customize": 1, "deploy": 1}


class DeployingPlatform(PlantedPlatform):
    """Strict: who is not deployed cannot be asked, and nobody may hold more than there is.

    `journal` has a line for every start and every end of what holds GPUs.
    """

    name = "deploying"
    uploads = True
    deploys = True

    def __init__(
        self, root: Path, gpus: int, *candidates: Planted, failing: Collection[str] = ()
    ) -> None:
        super().__init__(root, *candidates)
        self.journal = root / "journal.jsonl"
        self.gpus, self._failing = gpus, failing
        self.uncounted = ""  # why nobody knows how many GPUs there are

    async def budget(self) -> dict[str, int]:
        if self.uncounted:
            raise UnavailableError(self.uncounted)
        return {"gpu": self.gpus}

    def demand(self, kind: JobKind, candidate: str) -> Demand:
        return Demand("gpu", HOLDS.get(kind, 0))

    def expected_seconds(self, kind: JobKind, candidate: str) -> float:
        return {"customize": 20.0, "deploy": 5.0}.get(kind, 1.0)

    async def start(self, job: Job) -> None:
        if isinstance(job, EvaluateJob):
            assert job.candidate in self.deployed(job.run_uid), "asked before it was deployed"
            assert job.datasets.eval.startswith("far://"), "not uploaded"
        known = job.name in self._names()
        if isinstance(job, UploadJob):
            with self._job(job) as kept:
                kept.update(state="running", looks=0, job=job.model_dump(mode="json"))
        else:
            await super().start(_local(job))
        if not known:
            self._note("start", job)
        assert self.held() <= self.gpus, "more than there is"

    async def poll(self, job: Job) -> JobStatus:
        if isinstance(job, DeployJob) and job.candidate in self._failing:
            return JobStatus(state="failed", error="No image of that name.")
        status = await super().poll(_local(job))
        if status.state == "completed" and isinstance(job, UploadJob):
            far = {name: f"far://{path}" for name, path in job.datasets if name != "labels"}
            files = DatasetFiles(**far, labels=job.datasets.labels)
            return status.model_copy(update={"datasets": files})
        if status.state != "running" and isinstance(job, CustomizeJob):
            self._note("end", job)
        return status

    async def cancel(self, job: Job) -> bool:
        if isinstance(job, UploadJob | DeployJob):
            with self._job(job) as kept:
                kept.update(state="cancelled")
        else:
            await super().cancel(_local(job))
        self._note("end", job)
        return True

    async def predictions(self, job: EvaluateJob) -> list:  # type: ignore[type-arg]
        return await super().predictions(_local(job))

    async def remove(self, run_uid: str) -> list[Leftover]:
        await super().remove(run_uid)
        return [
            Leftover(kind="deployment", name=name, run_uid=run_uid, why="It is in use.")
            for name in self.deployed(run_uid)
        ]

    def deployed(self, run_uid: str = "") -> set[str]:
        """The candidates that are up, of one run or of all."""
        up: set[str] = set()
        for line in self._lines():
            if line["kind"] == "deploy" and line["name"].startswith(run_uid):
                (up.add if line["what"] == "start" else up.discard)(line["candidate"])
        return up

    def held(self) -> int:
        """GPUs that are held now."""
        open_ = Counter(
            {"start": 1, "end": -1}[line["what"]] * HOLDS.get(line["kind"], 0)
            for line in self._lines()
        )
        return sum(sign * times for sign, times in open_.items())

    def most_held(self) -> int:
        """The largest number of GPUs that were ever held at once."""
        held = most = 0
        for line in self._lines():
            held += {"start": 1, "end": -1}[line["what"]] * HOLDS.get(line["kind"], 0)
            most = max(most, held)
        return most

    def started(self) -> Counter[str]:
        """How often each job was started."""
        return Counter(line["name"] for line in self._lines() if line["what"] == "start")

    def _names(self) -> set[str]:
        return {line["name"] for line in self._lines()}

    def _lines(self) -> list[dict[str, str]]:
        if not self.journal.exists():
            return []
        return [json.loads(line) for line in self.journal.read_text().splitlines()]

    def _note(self, what: str, job: Job) -> None:
        """Once per job and kind of event."""
        if any((line["what"], line["name"]) == (what, job.name) for line in self._lines()):
            return
        if what == "end" and job.name not in self._names():
            return
        line = {
            "what": what,
            "name": job.name,
            "kind": job.kind,
            "candidate": getattr(job, "candidate", ""),
        }
        with self.journal.open("a") as file:
            file.write(json.dumps(line) + "\n")


def _local(job: Job) -> Job:
    """The same job, on the files that were uploaded."""
    if not isinstance(job, CustomizeJob | EvaluateJob):
        return job
    near = {
        name: str(path).removeprefix("far://") for name, path in job.datasets if name != "labels"
    }
    files = DatasetFiles(**near, labels=job.datasets.labels)
    return job.model_copy(update={"datasets": files})
