"""Deployment Management: NIMs of candidates, and helper models that runs share."""

from typing import Any, NamedTuple

from flywheel.adapters.nemo import names
from flywheel.adapters.nemo.book import Book, Note
from flywheel.adapters.nemo.candidates import Candidates, gpus_of
from flywheel.adapters.nemo.client import NemoClient
from flywheel.errors import ConflictError, NotFoundError
from flywheel.formatting import duration
from flywheel.ports.platform import DeployJob, JobStatus
from flywheel.settings.endpoints import ServedModelConfig
from flywheel.settings.nemo import NimConfig


class Nim(NamedTuple):
    """A model to deploy."""

    model: str
    registry_base: str
    tag: str | None
    gpus: int
    pvc_size: str | None


def nim_of(config: NimConfig | ServedModelConfig) -> Nim:
    """The model that a section of the settings describes."""
    gpus = gpus_of(config) if isinstance(config, NimConfig) else config.gpus or 1
    model = config.model_name or ""
    return Nim(model, config.registry_base, config.tag, gpus, config.pvc_size)


class Deployments:
    """Brings NIMs up and takes them down; all of them live in our namespace."""

    def __init__(self, client: NemoClient, book: Book, candidates: Candidates) -> None:
        self._client, self._book, self._candidates = client, book, candidates

    async def find(self, job: DeployJob) -> str | None:
        """The deployment of a job, where there is one."""
        name = names.shared(job.candidate) if job.judge else names.owned(job.name)
        return name if await self.is_up(name) else None

    async def advance(self, job: DeployJob, note: Note) -> JobStatus:
        """Create the deployment, then wait for READY and for the model in the proxy's list."""
        nim = nim_of(self._candidates.nim(job.candidate))
        marks = names.marks(job.name, job.run_uid)
        status = await self.bring_up(names.owned(job.name), nim, marks, note)
        if status.state == "failed":
            await self.take_down(names.owned(job.name))  # it would hold its storage
        return status

    async def cancel(self, job: DeployJob) -> bool:
        """Take the deployment down; True once it is gone."""
        return await self.take_down(names.owned(job.name))

    async def bring_up(self, name: str, nim: Nim, marks: dict[str, str], note: Note) -> JobStatus:
        """How a deployment stands; it is created where it is not there."""
        found = await self._retrieve(name)
        if found is not None:
            note.external_id = name
            return await self._stands(nim.model, found.status_details, note)
        if note.external_id == name:
            return _failed(f"The deployment of {nim.model} is gone: somebody deleted it.")
        await self._create(name, nim, marks)
        note.enter("deploying")
        return JobStatus(state="running", message="deploying")

    async def _stands(self, model: str, details: Any, note: Note) -> JobStatus:
        said = (details.description or "").rstrip(".")
        why, state = said or "no reason given", details.status
        if state in {"failed", "cancelled", "cancelling"}:
            return _failed(f"The deployment of {model} is {state}: {why}.")
        if state != "ready":
            limit = self._client.config.deploy_timeout_seconds
            if note.enter("deploying") > limit:
                return _failed(
                    f"The deployment of {model} is still {state} after {duration(limit)}: {why}."
                )
            return JobStatus(state="running", percent=30, message=f"{state}: {why}")
        if model in await self._client.served():
            return JobStatus(state="completed", percent=100, message="ready")
        limit = self._client.config.sync_timeout_seconds
        if note.enter("listing") > limit:
            return _failed(
                f"{model} is deployed, but the NIM proxy does not list it after {duration(limit)}."
            )
        return JobStatus(
            state="running", percent=80, message="waiting for the NIM proxy to list it"
        )

    async def take_down(self, name: str) -> bool:
        """Delete a deployment; True once it is gone."""
        deployments = self._client.sdk.deployment.model_deployments
        try:
            await self._client.read(
                f"the removal of the deployment {name}",
                lambda: deployments.delete(name, namespace=self._client.namespace),
            )
        except NotFoundError:
            return True
        return await self._retrieve(name) is None

    async def is_up(self, name: str) -> bool:
        """Whether there is such a deployment, in whatever state."""
        return await self._retrieve(name) is not None

    async def release_shared(self) -> None:
        """Take down the shared deployments that no job uses any more."""
        async with self._book.claims():
            needed = await self._book.needed()
            for found in await self.all():
                name = found.name or ""
                if name.startswith(names.shared("")) and name not in needed:
                    await self.take_down(name)

    async def all(self) -> list[Any]:
        """Every deployment in our namespace."""
        namespace = self._client.namespace

        async def pages() -> list[Any]:
            # Its filter has no documented fields, so it is done here.
            listed = self._client.sdk.deployment.model_deployments.list(page_size=100)
            return [one async for one in listed if one.namespace == namespace]

        return await self._client.read("the list of deployments", pages)

    async def _retrieve(self, name: str) -> Any:
        deployments = self._client.sdk.deployment.model_deployments
        try:
            return await self._client.read(
                f"the deployment {name}",
                lambda: deployments.retrieve(name, namespace=self._client.namespace),
            )
        except NotFoundError:
            return None

    async def _create(self, name: str, nim: Nim, marks: dict[str, str]) -> None:
        await self._client.need_namespace()
        body = _body(nim, self._client.config.guided_decoding_backend)
        try:
            # Names are unique: where it was done, the next attempt says that it exists.
            await self._client.read(
                f"the deployment of {nim.model}",
                lambda: self._client.sdk.deployment.model_deployments.create(
                    name=name,
                    namespace=self._client.namespace,
                    config=body,  # type: ignore[arg-type] # a TypedDict of the SDK
                    custom_fields=dict(marks),
                    description=f"{nim.model} for flywheel",
                ),
            )
        except ConflictError:
            return  # ours, from a call whose answer was lost


def _body(nim: Nim, backend: str) -> dict[str, Any]:
    deployment: dict[str, Any] = {
        "image_name": f"{nim.registry_base}/{nim.model}",
        "image_tag": nim.tag or "latest",
        "gpu": nim.gpus,
        "additional_envs": {"NIM_GUIDED_DECODING_BACKEND": backend},
    }
    if nim.pvc_size is not None:
        deployment["pvc_size"] = nim.pvc_size
    return {"model": nim.model, "nim_deployment": deployment}


def _failed(error: str) -> JobStatus:
    return JobStatus(state="failed", error=error)
