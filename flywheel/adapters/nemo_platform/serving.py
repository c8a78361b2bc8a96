"""Serving a model so that the inference gateway can ask it.

Students are served by a process of this machine, which is registered as a provider; the models of
the GPU trainers by deployments of the platform itself.
"""

import asyncio
import sys
from pathlib import Path
from typing import Protocol

from flywheel import processes
from flywheel.adapters.nemo_platform import filesets, names, training
from flywheel.adapters.nemo_platform.asking import asked
from flywheel.adapters.nemo_platform.client import NemoPlatformClient
from flywheel.adapters.nemo_platform.student_job import HOST, ServedStudent, port_of
from flywheel.errors import NotFoundError, UnavailableError
from flywheel.ports.platform import EvaluateJob
from flywheel.settings import NemoPlatformConfig

_HELLO = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1}


class Serving(Protocol):
    """One model per evaluation, from before it until its answers are read."""

    async def start(self, job: EvaluateJob) -> None:
        """Begin to serve it; again is the same as once."""
        ...

    async def waits_for(self, job: EvaluateJob) -> str | None:
        """What is still missing, in a few words; None once the gateway gives its answers.

        Raises UnavailableError where it will not come about.
        """
        ...

    def model(self, job: EvaluateJob) -> str:
        """What the gateway calls it."""
        ...

    async def stop(self, job: EvaluateJob) -> bool:
        """Take it down; True once it is gone. Safe to repeat."""
        ...


class StudentServing:
    """Processes of this machine: the server has to reach it. `root` holds their files."""

    def __init__(self, client: NemoPlatformClient, root: Path) -> None:
        self._client = client
        self._root = root

    async def start(self, job: EvaluateJob) -> None:
        """Fetch the model and start its process."""
        directory = self._directory(job)
        model = None
        if job.artifact is not None:
            model = directory / "model"
            await asyncio.to_thread(directory.mkdir, parents=True, exist_ok=True)
            await filesets.download(self._client, self._client.fileset_of(job.artifact), model)
        spec = ServedStudent(
            directory=directory,
            name=names.external(job.name),
            model=model,
            train=Path(job.datasets.train),
            labels=job.datasets.labels,
        )
        module = "flywheel.adapters.nemo_platform.student_job"
        await processes.start(directory, [sys.executable, "-m", module, str(directory)], spec)

    async def waits_for(self, job: EvaluateJob) -> str | None:
        """The process, then its registration, then the gateway's knowledge of it."""
        directory, name = self._directory(job), names.external(job.name)
        process = await processes.poll(directory)
        if process.state != "running":
            raise UnavailableError(process.error or "The process that served the model stopped.")
        port = await asyncio.to_thread(port_of, directory)
        if port is None:
            return "starting the model's server"
        if await self._client.provider(name) is None:
            body = {"name": name, "host_url": f"http://{HOST}:{port}/v1"}
            await self._client.create("providers", body)
        return await gateway_waits_for(self._client, self.model(job))

    def model(self, job: EvaluateJob) -> str:
        """Named like the job."""
        return f"{self._client.workspace}/{names.external(job.name)}"

    async def stop(self, job: EvaluateJob) -> bool:
        """The registration first, so that nobody asks a server that is not there."""
        name = names.external(job.name)
        await self._client.delete("providers", name)
        stopped = await processes.cancel(self._directory(job))
        await self._client.delete("models", name)
        return stopped

    def _directory(self, job: EvaluateJob) -> Path:
        return self._root / job.run_uid / names.external(job.name) / "serve"


class DeployedServing:
    """What a deployment of the run serves: the base model, its LoRA adapters beside it."""

    def __init__(self, client: NemoPlatformClient, config: NemoPlatformConfig) -> None:
        self._client = client
        self._config = config

    async def start(self, job: EvaluateJob) -> None:
        """The deployment is there already."""

    async def waits_for(self, job: EvaluateJob) -> str | None:
        """The gateway's knowledge of it."""
        return await gateway_waits_for(self._client, self.model(job))

    def model(self, job: EvaluateJob) -> str:
        """The base model, or the adapter that was trained on it."""
        if job.artifact is None:
            return training.model_entity(job.candidate, self._config)
        return training.adapter_model(job.candidate, job.artifact, self._config)

    async def stop(self, job: EvaluateJob) -> bool:  # noqa: ARG002
        """Others may ask the same deployment."""
        return True


async def gateway_waits_for(client: NemoPlatformClient, model: str) -> str | None:
    """A model is listed seconds before it can be asked, so one answer is the test."""
    if model not in await client.gateway_models():
        return "waiting for the inference gateway to know the model"
    try:
        await client.complete(asked(model, _HELLO))
    except NotFoundError:
        return "waiting for the inference gateway to reach the model"
    return None
