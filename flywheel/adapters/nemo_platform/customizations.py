"""Fine-tuning on NeMo Platform: start, follow, stop."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flywheel.adapters.nemo_platform import filesets, names, training
from flywheel.adapters.nemo_platform.client import NemoPlatformClient
from flywheel.adapters.nemo_platform.wire import STATES, PlatformJob
from flywheel.errors import NotFoundError
from flywheel.ports.platform import CustomizeJob, JobStatus, ModelArtifact, Validation
from flywheel.settings import NemoPlatformConfig


class Customizations:
    """Jobs of the configured training backend."""

    def __init__(self, client: NemoPlatformClient, config: NemoPlatformConfig) -> None:
        self._client = client
        self._config = config

    async def start(self, job: CustomizeJob) -> None:
        """Upload what it learns from and submit it, unless it was submitted before."""
        name = names.external(job.name)
        if await self._client.job(self._config.backend, name) is not None:
            return
        spec = training.spec(job, self._config)
        train, val = Path(job.datasets.train), Path(job.datasets.val)
        fileset = names.train_fileset(job.run_uid)
        await filesets.upload(self._client, fileset, "train.jsonl", train)
        if self._config.backend != "students" or job.trial:
            fileset = names.val_fileset(job.run_uid)
            await filesets.upload(self._client, fileset, "validation.jsonl", val)
        await self._client.submit(self._config.backend, name, spec)

    async def poll(self, job: CustomizeJob) -> JobStatus:
        """How it stands; once completed, with the model."""
        found = await self._client.job(self._config.backend, names.external(job.name))
        if found is None:
            return never_started(job.name)
        status = status_of(found)
        if status.state == "completed":
            try:
                status.artifact = await self._artifact(job, found)
            except NotFoundError:
                status.state, status.error = "failed", "The job ended without leaving a model."
        return status

    async def cancel(self, job: CustomizeJob) -> bool:
        """Ask it to stop; True once it has."""
        return await stop(self._client, self._config, names.external(job.name))

    async def _artifact(self, job: CustomizeJob, found: PlatformJob) -> ModelArtifact:
        fileset = names.model_fileset(job.run_uid, job.candidate, job.trial)
        content = await filesets.content(self._client, fileset)
        details = found.status_details
        return ModelArtifact(
            uri=f"{self._client.workspace}/{fileset}",
            digest=content.digest,
            size_bytes=content.size_bytes,
            train_records=await asyncio.to_thread(_count_lines, Path(job.datasets.train)),
            train_seconds=_seconds(details, found),
            params={"backend": self._config.backend, "seed": job.seed, **_params(details)},
            validation=_validation(details),
        )


async def stop(client: NemoPlatformClient, config: NemoPlatformConfig, name: str) -> bool:
    """Ask the training job to stop; True once it has, or was never there."""
    found = await client.job(config.backend, name)
    if found is None or STATES[found.status] != "running":
        return True
    if found.status != "cancelling":
        await client.cancel(config.backend, name)
    return False


def status_of(job: PlatformJob) -> JobStatus:
    """A job's state, as ours."""
    state = STATES[job.status]
    return JobStatus(
        state=state,
        percent=100.0 if state == "completed" else job.percent,
        message=job.doing,
        curve=job.curve,
        error=job.why if state == "failed" else None,
    )


def never_started(name: str) -> JobStatus:
    """Of a job that the platform does not know."""
    return JobStatus(state="failed", error=f"The job '{name}' was never started.")


def _seconds(details: Mapping[str, Any], found: PlatformJob) -> float:
    """What the trainer measured, else how long the job's steps took."""
    measured = details.get("train_seconds")
    if isinstance(measured, int | float):
        return float(measured)
    return sum((step.updated_at - step.created_at).total_seconds() for step in found.steps)


def _params(details: Mapping[str, Any]) -> dict[str, str | int | float | bool | None]:
    params = details.get("params")
    if not isinstance(params, dict):
        return {}
    plain = str | int | float | bool | None
    return {str(key): value for key, value in params.items() if isinstance(value, plain)}


def _validation(details: Mapping[str, Any]) -> Validation | None:
    """Of a student its macro-F1, of an LLM its loss, where its trainer says so."""
    for metric, key in (("macro_f1", "val_macro_f1"), ("loss", "val_loss")):
        value = details.get(key)
        if isinstance(value, int | float):
            return Validation.model_validate({"metric": metric, "value": value})
    return None


def _count_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)
