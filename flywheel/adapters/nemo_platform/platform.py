"""NeMo Platform 0.6 as the place where candidates are trained and asked."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import SecretStr

from flywheel.adapters.local_platform.registry import students
from flywheel.adapters.nemo_platform import filesets
from flywheel.adapters.nemo_platform.cleaning import Cleaning
from flywheel.adapters.nemo_platform.client import NemoPlatformClient
from flywheel.adapters.nemo_platform.customizations import Customizations
from flywheel.adapters.nemo_platform.evaluations import Evaluations
from flywheel.adapters.nemo_platform.serving import DeploymentServing, StudentServing
from flywheel.adapters.nemo_platform.transport import Transport
from flywheel.errors import DataError, InvalidInputError, NotFoundError, UnavailableError
from flywheel.ports.platform import (
    CandidateSpec,
    CustomizeJob,
    EvaluateJob,
    Job,
    JobStatus,
    ModelArtifact,
    PredictionRow,
    WorkloadType,
)
from flywheel.settings import NemoPlatformConfig
from flywheel.settings.sections import LoraConfig, NimConfig


class NemoPlatform:
    """Implements `flywheel.ports.platform.Platform`; `close` it.

    Everything there is named after the run and the job, so a second start finds the first.
    `root` holds what has to be on this machine: fetched models, servers of students, answers.
    Raises SettingsError, InvalidInputError for a candidate that is not known.
    """

    name = "nemo-platform"

    def __init__(
        self,
        root: Path,
        config: NemoPlatformConfig,
        nims: Sequence[NimConfig] = (),
        lora: LoraConfig | None = None,
        token: SecretStr | None = None,
    ) -> None:
        self.slots = config.parallel_jobs
        self._config = config
        self._candidates = (
            students(config.candidates)
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
            else DeploymentServing(client, config, list(nims))
        )
        self._client = client
        self._customizations = Customizations(client, config, lora or LoraConfig())
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
        self._known(job.candidate)
        await self._client.create_workspace()
        match job:
            case CustomizeJob():
                await self._customizations.start(job)
            case EvaluateJob():
                await self._evaluations.start(job)

    async def poll(self, job: Job) -> JobStatus:
        """How the job stands."""
        match job:
            case CustomizeJob():
                return await self._customizations.poll(job)
            case EvaluateJob():
                return await self._evaluations.poll(job)

    async def cancel(self, job: Job) -> bool:
        """Ask the job to stop; True once the server says that it has."""
        match job:
            case CustomizeJob():
                return await self._customizations.cancel(job)
            case EvaluateJob():
                return await self._evaluations.cancel(job)

    async def predictions(self, job: EvaluateJob) -> list[PredictionRow]:
        """The answers of a completed evaluation. Raises NotFoundError before that."""
        return await self._evaluations.predictions(job)

    async def verify(self, artifact: ModelArtifact) -> None:
        """Read the model's fileset and compare its digest. Raises DataError."""
        hint = "Start a new run to train the model again."
        try:
            content = await filesets.content(self._client, artifact.uri.partition("/")[2])
        except NotFoundError as error:
            raise DataError(f"The model {artifact.uri} is not there any more.", hint) from error
        if content.digest != artifact.digest:
            raise DataError(f"{artifact.uri} is not the model that training left.", hint)

    async def remove(self, run_uid: str) -> None:
        """Stop what still runs of the run, then delete all of it, there and here."""
        await self._cleaning.remove(run_uid)

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

    def _known(self, candidate: str) -> None:
        # A student may be an incumbent without being a candidate any more.
        if self._config.backend == "students":
            students([candidate])
        elif candidate not in {known.name for known in self._candidates}:
            raise InvalidInputError(
                f"'{candidate}' is none of the models in nims.",
                f"Those are: {', '.join(known.name for known in self._candidates)}.",
            )


def _gpu_candidate(nim: NimConfig, config: NemoPlatformConfig) -> CandidateSpec:
    return CandidateSpec(
        name=nim.model_name,
        description=f"{nim.model_name}, fine-tuned by {config.backend}",
        base_label="as it is, without examples",
        customizable=nim.customization_enabled,
    )
