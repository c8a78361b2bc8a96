"""NeMo Platform 0.6 as the place where candidates are trained and asked."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from pydantic import SecretStr

from flywheel.adapters.local_platform.registry import student
from flywheel.adapters.nemo_platform import filesets
from flywheel.adapters.nemo_platform.cleaning import Cleaning
from flywheel.adapters.nemo_platform.client import NemoPlatformClient
from flywheel.adapters.nemo_platform.customizations import Customizations
from flywheel.adapters.nemo_platform.deployments import Deployments
from flywheel.adapters.nemo_platform.evaluations import Evaluations
from flywheel.adapters.nemo_platform.serving import DeployedServing, StudentServing
from flywheel.adapters.nemo_platform.transport import Transport
from flywheel.errors import DataError, InvalidInputError, NotFoundError, UnavailableError
from flywheel.ports.platform import (
    GRADIENT_PARAMETERS,
    CandidateSpec,
    CustomizeJob,
    DeployJob,
    EvaluateJob,
    Job,
    JobKind,
    JobStatus,
    Leftover,
    ModelArtifact,
    PredictionRow,
    UploadJob,
    WorkloadType,
)
from flywheel.scheduling.packing import NOTHING, Demand, Pool
from flywheel.settings import NemoPlatformConfig
from flywheel.settings.nemo import NimConfig

_POOL = "jobs"


class NemoPlatform:
    """Implements `flywheel.ports.platform.Platform`; `close` it.

    Everything there is named after the run and the job, so a second start finds the first.
    `root` holds what has to be on this machine: fetched models, servers of students, answers.
    Raises SettingsError, InvalidInputError for a candidate that is not known.
    """

    name = "nemo-platform"
    uploads = False  # every job brings the files that it needs, which may be there already

    def __init__(
        self,
        root: Path,
        config: NemoPlatformConfig,
        nims: Sequence[NimConfig] = (),
        token: SecretStr | None = None,
    ) -> None:
        self.deploys = config.backend != "students"  # those are served while they are evaluated
        self._config = config
        self._candidates = (
            [student(name) for name in dict.fromkeys(config.candidates)]
            if config.backend == "students"
            else [_gpu_candidate(nim, config) for nim in nims]
        )
        self.workload_types: frozenset[WorkloadType] = frozenset().union(
            *(candidate.workload_types for candidate in self._candidates)
        )
        client = NemoPlatformClient(Transport(config, token), config.workspace)
        serving = (
            StudentServing(client, root)
            if config.backend == "students"
            else DeployedServing(client, config)
        )
        self._client = client
        self._customizations = Customizations(client, config)
        self._deployments = Deployments(client, config, nims)
        self._evaluations = Evaluations(client, serving, config, root)
        self._cleaning = Cleaning(client, config, root)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def candidates(self) -> list[CandidateSpec]:
        """Students, or the models in `nims`."""
        return list(self._candidates)

    async def start(self, job: Job) -> None:
        """Start the job, unless it was started before."""
        if isinstance(job, UploadJob):
            raise _no_uploads(job)
        self._known(job.candidate)
        await self._client.create_workspace()
        match job:
            case CustomizeJob():
                await self._customizations.start(job)
            case EvaluateJob():
                await self._evaluations.start(job)
            case DeployJob():
                await self._deployments.start(job)

    async def poll(self, job: Job) -> JobStatus:
        """How the job stands."""
        match job:
            case CustomizeJob():
                return await self._customizations.poll(job)
            case EvaluateJob():
                return await self._evaluations.poll(job)
            case DeployJob():
                return await self._deployments.poll(job)
            case UploadJob():
                raise _no_uploads(job)

    async def cancel(self, job: Job) -> bool:
        """Ask the job to stop; True once the server says that it has."""
        match job:
            case CustomizeJob():
                return await self._customizations.cancel(job)
            case EvaluateJob():
                return await self._evaluations.cancel(job)
            case DeployJob():
                return await self._deployments.cancel(job)
            case UploadJob():
                return True

    async def predictions(self, job: EvaluateJob) -> list[PredictionRow]:
        """The answers of a completed evaluation. Raises NotFoundError before that."""
        return await self._evaluations.predictions(job)

    async def verify(self, artifact: ModelArtifact) -> None:
        """Read the model's fileset and compare its digest. Raises DataError."""
        hint = "Start a new run to train the model again."
        try:
            content = await filesets.content(self._client, self._client.fileset_of(artifact.uri))
        except NotFoundError as error:
            raise DataError(f"The model {artifact.uri} is not there any more.", hint) from error
        if content.digest != artifact.digest:
            raise DataError(f"{artifact.uri} is not the model that training left.", hint)

    async def budget(self) -> Mapping[Pool, int]:
        """Jobs side by side; GPUs are given out by the platform itself."""
        return {_POOL: self._config.parallel_jobs}

    def demand(self, kind: JobKind, candidate: str) -> Demand:  # noqa: ARG002
        """One job is one job; a deployment waits for its GPUs there."""
        return NOTHING if kind == "deploy" else Demand(_POOL, 1)

    def expected_seconds(self, kind: JobKind, candidate: str) -> float:  # noqa: ARG002
        """Of a student, mostly the server's own pace; of an LLM, an hour's work."""
        if self._config.backend == "students":
            return 30.0 if kind == "customize" else 60.0
        return 3600.0 if kind == "customize" else 600.0

    def own_judge(self) -> None:
        """It deploys none."""

    async def remove(self, run_uid: str) -> list[Leftover]:
        """Stop what still runs of the run, then delete all of it, there and here."""
        return await self._cleaning.remove(run_uid)

    async def leftovers(self, run_uids: Collection[str]) -> list[Leftover]:
        """What carries the name of another run of flywheel."""
        return await self._cleaning.leftovers(run_uids)

    async def ping(self) -> str:
        """Its version. Raises UnavailableError where it, or the training backend, is not there."""
        version = await self._client.version()
        backends = await self._client.backends()
        if self._config.backend not in backends:
            raise UnavailableError(
                f"{self._client.where} has no training backend '{self._config.backend}'; it has "
                f"{', '.join(backends) or 'none'}.",
                "Install its plugin there; docs/nemo-platform.md says how.",
            )
        return (
            f"NeMo Platform {version}, workspace {self._config.workspace}, training by "
            f"{self._config.backend}"
        )

    async def ping_candidate(self, name: str) -> str | None:  # noqa: ARG002
        """All candidates live on the platform."""
        return None

    def _known(self, candidate: str) -> None:
        # A student may be an incumbent without being a candidate any more.
        if self._config.backend == "students":
            student(candidate)
        elif candidate not in {known.name for known in self._candidates}:
            raise InvalidInputError(
                f"'{candidate}' is none of the models in nims.",
                f"Those are: {', '.join(known.name for known in self._candidates)}.",
            )


def _no_uploads(job: UploadJob) -> InvalidInputError:
    return InvalidInputError(f"The platform 'nemo-platform' has no jobs of kind {job.kind}.")


def _gpu_candidate(nim: NimConfig, config: NemoPlatformConfig) -> CandidateSpec:
    return CandidateSpec(
        name=nim.model_name,
        description=f"{nim.model_name}, fine-tuned by {config.backend}",
        base_label="as it is, without examples",
        customizable=nim.customization_enabled,
        parameters=GRADIENT_PARAMETERS if nim.customization_enabled else frozenset(),
    )
