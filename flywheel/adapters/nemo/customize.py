"""Customizer: LoRA fine-tuning of a candidate, and the model that it leaves."""

import contextlib
import time
from typing import Any

from flywheel.adapters.nemo import names
from flywheel.adapters.nemo.book import Book, Note
from flywheel.adapters.nemo.candidates import Candidates
from flywheel.adapters.nemo.client import NemoClient
from flywheel.adapters.nemo.errors import NotTakenError
from flywheel.adapters.nemo.training import (
    config_content,
    digest_of,
    hyperparameters,
    params_of,
    validation_curve,
    validation_of,
)
from flywheel.errors import (
    ConflictError,
    DataError,
    FlywheelError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)
from flywheel.formatting import duration
from flywheel.ports.platform import CustomizeJob, JobStatus, ModelArtifact
from flywheel.settings.sections import TrainingConfig

ACTIVE = {"created", "pending", "running", "cancelling", "unknown"}
_NO_GPU = "NotEnoughResources"
_NONE = "NeMo gives no reason"


class Customizations:
    """Fine-tuning jobs. The name of a config says its content, that of a model its run."""

    def __init__(self, client: NemoClient, book: Book, candidates: Candidates) -> None:
        self._client, self._book, self._candidates = client, book, candidates
        self._configs: set[str] = set()

    async def find(self, job: CustomizeJob) -> str | None:
        """The id of the job in NeMo; known by its output model, for the SDK's job has no name."""
        wanted = f"{self._client.namespace}/{names.owned(job.name)}"
        found = [one for one in await self.all() if _without_version(one.output_model) == wanted]
        return None if not found else str(min(found, key=_created).id)

    async def all(self) -> list[Any]:
        """Every customization job in our namespace, the newest first."""

        async def pages() -> list[Any]:
            listed = self._client.sdk.customization.jobs.list(
                filter={"namespace": self._client.namespace}, sort="-created_at", page_size=100
            )
            return [one async for one in listed]

        return await self._client.read("the list of customization jobs", pages)

    async def advance(self, job: CustomizeJob, note: Note) -> JobStatus:
        """Create the job where it is not there, then say how it stands."""
        if note.external_id is None:
            note.external_id = await self.find(job)
        if note.external_id is None:
            return await self._create(job, note)
        return await self._follow(job, note, note.external_id)

    async def _follow(self, job: CustomizeJob, note: Note, external: str) -> JobStatus:
        jobs = self._client.sdk.customization.jobs
        status = await self._client.read(f"the status of {job.name}", lambda: jobs.status(external))
        logs = status.status_logs or []
        match status.status:
            case "completed" | "ready":
                return await self._completed(job, note, status)
            case "failed":
                said = next((one.detail for one in reversed(logs) if one.detail), None)
                return _failed(f"The fine-tuning of {job.candidate} has failed: {said or _NONE}.")
            case "cancelled":
                return JobStatus(state="cancelled")
        return await self._running(job, note, status)

    async def _running(self, job: CustomizeJob, note: Note, status: Any) -> JobStatus:
        logs = status.status_logs or []
        percent = min(float(status.percentage_done or 0.0), 100.0)
        still = note.still(f"{status.status} {percent} {status.steps_completed}")
        limit = self._client.config.stall_seconds
        waiting = bool(logs) and logs[-1].message == _NO_GPU
        if still > limit:
            await self.cancel(job, note)
            if waiting:
                return _failed(
                    f"No GPU was free to fine-tune {job.candidate} in {duration(limit)}."
                )
            return _failed(
                f"The fine-tuning of {job.candidate} has made no progress for {duration(limit)} "
                f"and was cancelled at {percent:.0f} %."
            )
        if waiting:
            return JobStatus(state="running", message="waiting for a free GPU")
        message = "training" if status.status == "running" else str(status.status)
        if status.epochs_completed:
            message = f"{status.epochs_completed} of {job.training.epochs} epochs done"
        return JobStatus(
            state="running", percent=percent, message=message, curve=validation_curve(status)
        )

    async def cancel(self, job: CustomizeJob, note: Note) -> bool:
        """Ask the job to stop; True once it has ended."""
        external = note.external_id or await self.find(job)
        if external is None:
            # It may still come into being, where the answer to our request was lost.
            return not note.asked_within(self._settle)
        note.external_id = external
        return await self.stop(external)

    async def stop(self, external: str) -> bool:
        """Cancel a job by its id; True once it has ended."""
        jobs = self._client.sdk.customization.jobs
        try:
            status = await self._client.read("a job's status", lambda: jobs.status(external))
            if status.status in ACTIVE and status.status != "cancelling":
                await self._client.read("cancelling a job", lambda: jobs.cancel(external))
                status = await self._client.read("a job's status", lambda: jobs.status(external))
        except NotFoundError:
            return True
        except (ConflictError, InvalidInputError):  # it ended in the meantime
            status = await self._client.read("a job's status", lambda: jobs.status(external))
        return status.status not in ACTIVE

    @property
    def _settle(self) -> float:
        """Seconds after which a request whose answer was lost is taken for not done."""
        return self._client.config.request_timeout_seconds

    async def _create(self, job: CustomizeJob, note: Note) -> JobStatus:
        if note.asked_within(self._settle):
            return JobStatus(state="running", message="finding out whether NeMo took the job")
        await self._client.need_namespace()
        config = await self._need_config(job.candidate, job.training)
        namespace, name = self._client.namespace, names.owned(job.name)
        jobs = self._client.sdk.customization.jobs
        wanted = hyperparameters(job.training, job.lora, job.seed)
        note.asked_at = time.time()
        await self._book.keep(job, note)  # we may not live to see the answer
        try:
            created = await self._client.write(
                f"the fine-tuning of {job.candidate}",
                lambda: jobs.create(
                    name=name,
                    namespace=namespace,
                    config=config,
                    dataset={"namespace": namespace, "name": names.train_dataset(job.run_uid)},
                    hyperparameters=wanted,  # type: ignore[arg-type] # a TypedDict of the SDK
                    output_model=f"{namespace}/{name}",
                    custom_fields=names.marks(job.name, job.run_uid),
                    description=f"{job.candidate} for flywheel run {job.run_uid}",
                ),
            )
        except ConflictError:  # ours, from a call whose answer was lost
            note.external_id = await self.find(job)
            if note.external_id is None:
                raise
        except UnavailableError as error:
            if isinstance(error, NotTakenError):
                note.asked_at = None
            raise
        except FlywheelError:
            note.asked_at = None
            raise
        else:
            note.external_id = created.id
        note.asked_at = None
        return JobStatus(state="running", message="created")

    async def _need_config(self, candidate: str, training: TrainingConfig) -> str:
        """The customization config for these settings, made where it is not there."""
        custom = self._candidates.nim(candidate).customizer_configs
        if custom is None:
            raise InvalidInputError(
                f"{candidate} cannot be fine-tuned.", "Give it customizer_configs in nims."
            )
        content = config_content(custom, training)
        name, namespace = names.config_name(candidate, content), self._client.namespace
        if name not in self._configs:
            configs = self._client.sdk.customization.configs
            # One that exists has this content, for its name says so; asking again is safe.
            with contextlib.suppress(ConflictError):
                await self._client.read(
                    f"the customization config of {candidate}",
                    lambda: configs.create(
                        name=name,
                        namespace=namespace,
                        description=f"{candidate} for flywheel",
                        **content,
                    ),
                )
            self._configs.add(name)
        return f"{namespace}/{name}"

    async def _completed(self, job: CustomizeJob, note: Note, status: Any) -> JobStatus:
        external = note.external_id or ""
        jobs = self._client.sdk.customization.jobs
        done = await self._client.read(f"the job {job.name}", lambda: jobs.retrieve(external))
        output = str(done.output_model)
        try:
            model = await self.model(output)
        except NotFoundError:
            if note.enter("publishing") > self._client.config.sync_timeout_seconds:
                return _failed(f"The fine-tuned model {output} is not in the Entity Store.")
            return JobStatus(state="running", percent=99, message="waiting for the model's entry")
        files = await self._book.files(job.run_uid)
        artifact = ModelArtifact(
            uri=output,
            digest=digest_of(model),
            size_bytes=None,  # NeMo does not say
            train_records=files.train_records,
            train_seconds=_seconds(status, done),
            params=params_of(job.training, job.lora, job.seed) | {"config": _text(done.config)},
            validation=validation_of(status),
        )
        return JobStatus(
            state="completed",
            percent=100,
            message="trained",
            artifact=artifact,
            curve=validation_curve(status),
        )

    async def model(self, full: str) -> Any:
        """A model's entry in the Entity Store. Raises NotFoundError."""
        namespace, name = names.split(full)
        return await self._client.read(
            f"the model {full}",
            lambda: self._client.sdk.models.retrieve(name, namespace=namespace),
        )

    async def verify(self, artifact: ModelArtifact) -> None:
        """Compare the entry with what fine-tuning left. Raises DataError."""
        again = "Start a new run to train the model again."
        try:
            model = await self.model(artifact.uri)
        except NotFoundError as error:
            raise DataError(f"The model {artifact.uri} is gone from NeMo.", again) from error
        if digest_of(model) != artifact.digest:
            raise DataError(f"The model {artifact.uri} is not the one that training left.", again)


def _text(config: Any) -> str:
    return config if isinstance(config, str) else f"{config.namespace}/{config.name}"


def _without_version(output_model: str | None) -> str:
    return (output_model or "").partition("@")[0]


def _created(job: Any) -> float:
    return 0.0 if job.created_at is None else float(job.created_at.timestamp())


def _seconds(status: Any, job: Any) -> float:
    if status.elapsed_time is not None:
        return float(status.elapsed_time)
    if job.created_at is None or job.updated_at is None:
        return 0.0
    return float((job.updated_at - job.created_at).total_seconds())


def _failed(error: str) -> JobStatus:
    return JobStatus(state="failed", error=error)
