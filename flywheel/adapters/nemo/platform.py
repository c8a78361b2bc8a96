"""The platform that runs jobs on NeMo Microservices 25.x."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from flywheel.adapters.local_platform.manifest import check_files
from flywheel.adapters.nemo.background import Background
from flywheel.adapters.nemo.book import Book, Note
from flywheel.adapters.nemo.candidates import Candidates, expected_seconds, left_of
from flywheel.adapters.nemo.cleaning import Cleaning
from flywheel.adapters.nemo.client import NemoClient
from flywheel.adapters.nemo.customize import Customizations
from flywheel.adapters.nemo.datasets import Datasets
from flywheel.adapters.nemo.deploy import Deployments
from flywheel.adapters.nemo.evaluate import Evaluations
from flywheel.adapters.nemo.gpus import GpuBudget
from flywheel.adapters.nemo.helpers import Helpers
from flywheel.adapters.nemo.hub import Datastore
from flywheel.adapters.nemo.prompting import Prompting
from flywheel.errors import FlywheelError, SettingsError, UnavailableError
from flywheel.formatting import duration
from flywheel.ports.platform import (
    CandidateSpec,
    CustomizeJob,
    DeployJob,
    EvaluateJob,
    Job,
    JobKind,
    JobStatus,
    Leftover,
    ModelArtifact,
    OwnJudge,
    PredictionRow,
    UploadJob,
    WorkloadType,
)
from flywheel.scheduling.packing import Demand, Pool
from flywheel.settings.endpoints import JudgeConfig
from flywheel.settings.nemo import NimConfig, NmpConfig
from flywheel.settings.sections import EvaluationConfig

log = logging.getLogger(__name__)


class NemoPlatform:
    """Fine-tunes, deploys and evaluates in NeMo; implements `flywheel.ports.platform.Platform`.

    `root` holds notes on jobs and the answers to evaluations; all workers need the same. A job
    is brought forward by whoever looks at it: what is not there yet is created once what it needs
    is, after NeMo was asked whether it is there. Where NeMo is silent, a job waits for it as long
    as the settings allow. Raises SettingsError where the extra is missing or `nims` is empty.
    """

    name = "nemo"
    uploads = True
    deploys = True

    def __init__(
        self,
        config: NmpConfig,
        nims: Sequence[NimConfig],
        root: Path,
        *,
        judge: JudgeConfig,
        evaluation: EvaluationConfig,
        api_key: SecretStr | None = None,
        judge_key: SecretStr | None = None,
        embedding_key: SecretStr | None = None,
    ) -> None:
        if find_spec("nemo_microservices") is None or find_spec("huggingface_hub") is None:
            raise SettingsError(
                "The platform nemo needs an extra that is not installed.",
                "Install it: pip install 'flywheel[nemo]'.",
            )
        self.workload_types: frozenset[WorkloadType] = frozenset(
            ("classification", "tool_calling", "generic")
        )
        self._config, self._gpus = config, GpuBudget(config)
        self._candidates = Candidates(nims, shared=self._gpus.shared)
        self._client = NemoClient(config, api_key, judge_key)
        self._hub = hub = Datastore(config, api_key)
        self._book, self._background = Book(root), Background()
        self._deployments = Deployments(self._client, self._book, self._candidates)
        keys = judge_key, embedding_key
        self._api_key = api_key
        self._helpers = Helpers(
            self._client, self._deployments, self._book, judge, evaluation, *keys
        )
        self._datasets = Datasets(self._client, hub, self._book, self._background)
        self._customizations = Customizations(self._client, self._book, self._candidates)
        prompting = Prompting(self._client, hub, self._book, self._background, self._helpers)
        self._evaluations = Evaluations(
            self._client, self._book, self._background, self._helpers, prompting
        )
        self._cleaning = Cleaning(
            self._client,
            hub,
            self._book,
            self._customizations,
            self._evaluations,
            self._deployments,
        )
        self._looked: dict[str, tuple[float, JobStatus]] = {}

    def candidates(self) -> list[CandidateSpec]:
        """The configured NIMs."""
        return self._candidates.specs()

    async def start(self, job: Job) -> None:
        """Bring the job into being, or as far towards it as can be done now.

        Raises what NeMo refuses; where it does not answer, `poll` goes on.
        """
        note = await self._book.note(job)
        if note is None:
            note = Note()
            await self._book.keep(job, note)
        if note.ended is None and not note.cancelled:
            await self._look(job, note, raises=True)

    async def poll(self, job: Job) -> JobStatus:
        """How the job stands; asks NeMo at most once in `poll_seconds`."""
        note = await self._book.note(job)
        if note is None:
            note = await self._found(job)
            if note is None:
                return JobStatus(state="failed", error=f"The job '{job.name}' was never started.")
        if note.cancelled:
            return JobStatus(state="cancelled")
        if note.ended is not None:
            return note.ended
        seen = self._looked.get(job.name)
        if seen is not None and time.monotonic() - seen[0] < self._config.poll_seconds:
            return seen[1]
        return await self._look(job, note)

    async def cancel(self, job: Job) -> bool:
        """Stop the job for good; True once nothing of it runs in NeMo.

        False as well while NeMo does not answer.
        """
        note = await self._book.note(job) or Note()
        note.cancelled = True
        await self._book.keep(job, note)
        self._looked.pop(job.name, None)
        try:
            stopped = await self._stop(job, note)
            await self._book.keep(job, note)
            if stopped and note.helpers:
                await self._helpers.release()
        except UnavailableError as error:
            log.warning("%s could not be cancelled yet: %s", job.name, error)
            return False
        return stopped

    async def predictions(self, job: EvaluateJob) -> list[PredictionRow]:
        """The stored answers. Raises NotFoundError while the evaluation is not complete."""
        return await self._evaluations.predictions(job)

    async def verify(self, artifact: ModelArtifact) -> None:
        """Compare the model's entry with what fine-tuning left. Raises DataError."""
        if Path(artifact.uri).is_absolute():  # a base model with examples
            await asyncio.to_thread(check_files, Path(artifact.uri), artifact.digest)
        else:
            await self._customizations.verify(artifact)

    async def budget(self) -> Mapping[Pool, int]:
        """The GPUs there are; those of a judge that is ours to deploy are left out.

        Raises UnavailableError and SettingsError where they have to be found and cannot be.
        """
        return left_of(await self._gpus.pools(), self._helpers.gpus())

    def demand(self, kind: JobKind, candidate: str) -> Demand:
        """The GPUs that such a job holds."""
        return self._candidates.demand(kind, candidate)

    def expected_seconds(self, kind: JobKind, candidate: str) -> float:  # noqa: ARG002
        """How long such a job takes, for want of anything measured."""
        return expected_seconds(kind)

    def own_judge(self) -> OwnJudge | None:
        """The judge of the settings where it is a NIM; asked through the NIM proxy."""
        return self._helpers.own_judge(self._api_key)

    async def remove(self, run_uid: str) -> list[Leftover]:
        """Delete what the run left in NeMo and here."""
        left = await self._cleaning.remove(run_uid)
        await self._quietly(self._helpers.release)
        return left

    async def leftovers(self, run_uids: Collection[str]) -> list[Leftover]:
        """What is in our namespace and belongs to none of these runs."""
        return await self._cleaning.leftovers(run_uids)

    async def ping(self) -> str:
        """What answers. Raises UnavailableError and the like where something does not."""
        served = await self._client.served()
        await self._evaluations.all("nothing")
        await self._hub.answers(f"{self._config.nmp_namespace}/nothing")
        return (
            f"NeMo Microservices, namespace {self._config.nmp_namespace}, "
            f"{len(served)} models served; {await self._gpus.said()}"
        )

    async def ping_candidate(self, name: str) -> str | None:  # noqa: ARG002
        """None: all candidates live in NeMo."""
        return None

    async def close(self) -> None:
        """End what this process does in the background; whoever looks next goes on with it."""
        await self._background.close()
        await self._client.close()

    async def _look(self, job: Job, note: Note, *, raises: bool = False) -> JobStatus:
        try:
            status = await self._advance(job, note)
            if not self._background.works_for(job.name):  # else nobody knows yet whether it answers
                note.silent_since = None
        except UnavailableError as error:
            status = self._silent(note, error)
        except FlywheelError as error:
            if raises:
                await self._book.keep(job, note)
                raise
            status = JobStatus(state="failed", error=str(error))
        if status.state != "running":
            note.ended = status
        await self._book.keep(job, note)
        self._looked[job.name] = time.monotonic(), status
        if note.ended is not None:
            self._looked.pop(job.name)
            if note.helpers:
                await self._quietly(self._helpers.release)
        return status

    def _silent(self, note: Note, error: UnavailableError) -> JobStatus:
        """NeMo does not answer: that may pass, for a while."""
        note.silent_since = note.silent_since or time.time()
        silent = time.time() - note.silent_since
        if silent > self._config.unavailable_seconds:
            said = f"{error.message} It has been so for {duration(silent)}."
            return JobStatus(state="failed", error=f"{said} {error.hint}".strip())
        return JobStatus(state="running", message=f"waiting for NeMo: {error.message}")

    async def _quietly(self, work: Callable[[], Awaitable[Any]]) -> None:
        try:
            await work()
        except FlywheelError as error:
            log.warning("a shared deployment could not be taken down yet: %s", error)

    async def _advance(self, job: Job, note: Note) -> JobStatus:
        match job:
            case UploadJob():
                return await self._datasets.advance(job, note)
            case DeployJob(judge=True):
                return await self._helpers.hold_judge(job, note)
            case DeployJob():
                return await self._deployments.advance(job, note)
            case CustomizeJob():
                return await self._customizations.advance(job, note)
            case EvaluateJob():
                return await self._evaluations.advance(job, note)

    async def _stop(self, job: Job, note: Note) -> bool:
        match job:
            case UploadJob():
                return await self._datasets.cancel(job)
            case DeployJob(judge=True):
                return await self._helpers.let_judge_go(job)
            case DeployJob():
                return await self._deployments.cancel(job)
            case CustomizeJob():
                return await self._customizations.cancel(job, note)
            case EvaluateJob():
                return await self._evaluations.cancel(job, note)

    async def _found(self, job: Job) -> Note | None:
        """A job that is not noted here, but is there in NeMo."""
        match job:
            case UploadJob():
                external = await self._datasets.find(job)
            case DeployJob():
                external = await self._deployments.find(job)
            case CustomizeJob():
                external = await self._customizations.find(job)
            case EvaluateJob():
                external = await self._evaluations.find(job)
        if external is None:
            return None
        note = Note(external_id=external)
        await self._book.keep(job, note)
        return note
