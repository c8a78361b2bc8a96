"""The platform that runs jobs as processes of this machine."""

import asyncio
import os
import shutil
import sys
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from flywheel import processes
from flywheel.adapters.local_platform import registry
from flywheel.adapters.local_platform.job import PREDICTIONS, LocalJob, LocalResult, read_curve
from flywheel.adapters.local_platform.manifest import check_files
from flywheel.adapters.local_platform.served import ping
from flywheel.adapters.local_platform.served_model import is_served
from flywheel.errors import InvalidInputError, NotFoundError, UnavailableError
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
from flywheel.scheduling.packing import Demand, Pool
from flywheel.settings import ServedCandidateConfig
from flywheel.settings.environment import variables_of
from flywheel.settings.sections import Secrets

_POOL = "jobs"
_KINDS: tuple[tuple[Literal["job", "model"], str], ...] = (("job", "jobs"), ("model", "models"))


class LocalPlatform:
    """Trains and asks students on the CPU, and asks models that are served elsewhere.

    Implements `flywheel.ports.platform.Platform`. Everything lies under `root`:
    `jobs/<run>/<job>` and `models/<run>/<candidate>`. `threads` are those of the linear algebra
    within one job. The keys in `secrets` reach the jobs through their environment. Raises
    InvalidInputError for a candidate that is not known here.
    """

    name = "local"
    uploads = False  # jobs read the run's own files
    deploys = False  # a job loads the model that it asks

    def __init__(
        self,
        root: Path,
        candidates: Sequence[str],
        parallel_jobs: int,
        threads: int = 1,
        served: Sequence[ServedCandidateConfig] = (),
        secrets: Secrets | None = None,
    ) -> None:
        self._parallel_jobs = parallel_jobs
        self._root = root
        self._served = {config.name: config for config in served}
        self._secrets = secrets or Secrets()
        self._environment = variables_of(self._secrets, ("served_api_key", "embedding_api_key"))
        self._candidates = registry.candidates(candidates, self._served)
        self.workload_types: frozenset[WorkloadType] = frozenset().union(
            *(candidate.workload_types for candidate in self._candidates)
        )
        self._threads = threads

    def candidates(self) -> list[CandidateSpec]:
        """The configured students and served models."""
        return list(self._candidates)

    async def start(self, job: Job) -> None:
        """Start the job's process, unless it was started before."""
        if not isinstance(job, CustomizeJob | EvaluateJob):
            raise InvalidInputError(f"The platform '{self.name}' has no jobs of kind {job.kind}.")
        served = self._served.get(job.candidate)
        if served is not None and isinstance(job, CustomizeJob):
            raise InvalidInputError(f"{job.candidate} is only asked, never fine-tuned.")
        if served is None and not await asyncio.to_thread(_brings_its_own, job):
            registry.student(job.candidate, self._served)
        directory = self._directory(job)
        name = job.candidate
        if number := _trial(job):
            name = f"{name}-trial-{number}"
        model = self._root / "models" / job.run_uid / _safe(name)
        argv = [sys.executable, "-m", "flywheel.adapters.local_platform.job", str(directory)]
        spec = LocalJob(
            job=job, directory=directory, model=model, threads=self._threads, served=served
        )
        await processes.start(directory, argv, spec, self._environment)

    async def poll(self, job: Job) -> JobStatus:
        """How the job's process stands."""
        process = await processes.poll(self._directory(job), self._environment)
        result = LocalResult(message=process.message)
        if process.result is not None:
            result = LocalResult.model_validate_json(process.result)
        return JobStatus(
            state=process.state,
            percent=process.percent,
            message=result.message,
            error=process.error,
            artifact=result.artifact,
            curve=await asyncio.to_thread(read_curve, self._directory(job)) if _trial(job) else [],
        )

    async def cancel(self, job: Job) -> bool:
        """Stop the job's process; it cannot be started again."""
        return await processes.cancel(self._directory(job))

    async def predictions(self, job: EvaluateJob) -> list[PredictionRow]:
        """The stored answers. Raises NotFoundError while the evaluation is not complete."""
        return await asyncio.to_thread(_read_predictions, self._directory(job) / PREDICTIONS)

    async def verify(self, artifact: ModelArtifact) -> None:
        """Compare the model's files with the checksums that training wrote. Raises DataError."""
        await asyncio.to_thread(check_files, Path(artifact.uri), artifact.digest)

    async def budget(self) -> Mapping[Pool, int]:
        """Jobs side by side."""
        return {_POOL: self._parallel_jobs}

    def demand(self, kind: JobKind, candidate: str) -> Demand:  # noqa: ARG002
        """One job is one job."""
        return Demand(_POOL, 1)

    def expected_seconds(self, kind: JobKind, candidate: str) -> float:  # noqa: ARG002
        """Of some ten thousand records; what was measured in earlier runs is better."""
        return 10.0 if kind == "customize" else 2.0

    def own_judge(self) -> None:
        """It deploys none."""

    async def remove(self, run_uid: str) -> list[Leftover]:
        """Stop what still runs of the run, then delete its jobs and models."""
        folders = [(kind, self._root / parent / _safe(run_uid)) for kind, parent in _KINDS]
        left = [
            Leftover(kind="job", name=directory.name, run_uid=run_uid, why="It does not stop.")
            for directory in await asyncio.to_thread(_subdirectories, folders[0][1])
            if not await processes.cancel(directory)
        ]
        if left:
            return left
        for kind, folder in folders:
            why = await asyncio.to_thread(_remove, folder)
            if why:
                left.append(Leftover(kind=kind, name=str(folder), run_uid=run_uid, why=why))
        return left

    async def leftovers(self, run_uids: Collection[str]) -> list[Leftover]:
        """Jobs and models of runs that there are no more."""
        left = []
        for kind, parent in _KINDS:
            for folder in await asyncio.to_thread(_subdirectories, self._root / parent):
                if folder.name not in run_uids:
                    left.append(Leftover(kind=kind, name=str(folder), run_uid=folder.name))
        return left

    async def ping(self) -> str:
        """What runs the jobs. Raises UnavailableError where they could not write their files."""
        await asyncio.to_thread(_check_writable, self._root)
        return (
            f"scikit-learn {version('scikit-learn')} on {os.cpu_count()} cores, "
            f"up to {self._parallel_jobs} jobs side by side"
        )

    async def ping_candidate(self, name: str) -> str | None:
        """What answers for a served candidate. Raises UnavailableError where nothing does."""
        config = self._served.get(name)
        return None if config is None else await ping(config, self._secrets.served_api_key)

    def _directory(self, job: Job) -> Path:
        return self._root / "jobs" / _safe(job.run_uid) / _safe(job.name)


def _trial(job: Job) -> int:
    return job.trial if isinstance(job, CustomizeJob) else 0


def _brings_its_own(job: CustomizeJob | EvaluateJob) -> bool:
    """Whether it asks an incumbent whose files say where it is served."""
    if isinstance(job, CustomizeJob) or job.artifact is None:
        return False
    return is_served(Path(job.artifact))


def _remove(folder: Path) -> str:
    """Delete a folder; why it is still there, or nothing."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{error.strerror or error}."
    return ""


def _safe(name: str) -> str:
    """A name that is one directory, and not one outside of the root."""
    if Path(name).name != name or name.startswith("."):
        raise InvalidInputError(f"'{name}' cannot be the name of a directory.")
    return name


def _subdirectories(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.exists() else []


def _read_predictions(path: Path) -> list[PredictionRow]:
    try:
        with path.open("rb") as file:
            return [PredictionRow.model_validate_json(line) for line in file]
    except FileNotFoundError as error:
        raise NotFoundError(
            f"The evaluation '{path.parent.name}' has no answers yet.", "Wait until it is complete."
        ) from error


def _check_writable(root: Path) -> None:
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnavailableError(
            f"The folder {root} cannot be made: {error.strerror}.", "Check FLYWHEEL_HOME."
        ) from error
    if not os.access(root, os.W_OK):
        raise UnavailableError(f"The folder {root} cannot be written.", "Check FLYWHEEL_HOME.")
