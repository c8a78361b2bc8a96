"""The platform that runs jobs as processes of this machine."""

import asyncio
import os
import shutil
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from flywheel import processes
from flywheel.adapters.local_platform.job import PREDICTIONS, LocalJob, LocalResult
from flywheel.adapters.local_platform.manifest import check_files
from flywheel.adapters.local_platform.registry import student, students
from flywheel.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError
from flywheel.ports.platform import (
    CandidateSpec,
    EvaluateJob,
    Job,
    JobStatus,
    ModelArtifact,
    PredictionRow,
    WorkloadType,
)


class LocalPlatform:
    """Trains and asks students on the CPU; implements `flywheel.ports.platform.Platform`.

    Everything lies under `root`: `jobs/<run>/<job>` and `models/<run>/<candidate>`. `threads`
    are those of the linear algebra within one job. Raises InvalidInputError for a candidate
    that is not known here.
    """

    name = "local"

    def __init__(
        self, root: Path, candidates: Sequence[str], parallel_jobs: int, threads: int = 1
    ) -> None:
        self.slots = parallel_jobs
        self._root = root
        self._candidates = students(candidates)
        self.workload_types: frozenset[WorkloadType] = frozenset().union(
            *(candidate.workload_types for candidate in self._candidates)
        )
        self._threads = threads

    def candidates(self) -> list[CandidateSpec]:
        """The configured students."""
        return list(self._candidates)

    async def start(self, job: Job) -> None:
        """Start the job's process, unless it was started before."""
        student(job.candidate)
        directory = self._directory(job)
        model = self._root / "models" / job.run_uid / _safe(job.candidate)
        argv = [sys.executable, "-m", "flywheel.adapters.local_platform.job", str(directory)]
        spec = LocalJob(job=job, directory=directory, model=model, threads=self._threads)
        await processes.start(directory, argv, spec)

    async def poll(self, job: Job) -> JobStatus:
        """How the job's process stands."""
        process = await processes.poll(self._directory(job))
        artifact = None
        if process.result is not None:
            artifact = LocalResult.model_validate_json(process.result).artifact
        return JobStatus(
            state=process.state,
            percent=process.percent,
            message=process.message,
            error=process.error,
            artifact=artifact,
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

    async def remove(self, run_uid: str) -> None:
        """Stop what still runs of the run, then delete its jobs and models."""
        jobs = self._root / "jobs" / _safe(run_uid)
        for directory in await asyncio.to_thread(_subdirectories, jobs):
            if not await processes.cancel(directory):
                raise ConflictError(
                    f"The job '{directory.name}' does not stop, so it was not removed.",
                    "Try again in a moment.",
                )
        for folder in (jobs, self._root / "models" / run_uid):
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def ping(self) -> str:
        """What runs the jobs. Raises UnavailableError where they could not write their files."""
        await asyncio.to_thread(_check_writable, self._root)
        return (
            f"scikit-learn {version('scikit-learn')} on {os.cpu_count()} cores, "
            f"up to {self.slots} jobs side by side"
        )

    def _directory(self, job: Job) -> Path:
        return self._root / "jobs" / _safe(job.run_uid) / _safe(job.name)


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
