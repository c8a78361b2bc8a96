"""Deployments on NeMo Platform: a NIM with a base model, ready for LoRA adapters."""

from collections.abc import Sequence

from flywheel.adapters.nemo_platform import names, training
from flywheel.adapters.nemo_platform.client import NemoPlatformClient
from flywheel.adapters.nemo_platform.serving import gateway_waits_for
from flywheel.adapters.nemo_platform.wire import GONE
from flywheel.ports.platform import DeployJob, JobStatus
from flywheel.settings import NemoPlatformConfig
from flywheel.settings.nemo import NimConfig


class Deployments:
    """One per run and candidate."""

    def __init__(
        self, client: NemoPlatformClient, config: NemoPlatformConfig, nims: Sequence[NimConfig]
    ) -> None:
        self._client = client
        self._config = config
        self._nims = {nim.model_name: nim for nim in nims}

    async def start(self, job: DeployJob) -> None:
        """Create it and what configures it; again is the same as once."""
        nim = self._nims[job.candidate]
        name = names.deployment(job.run_uid, job.candidate)
        configuration = {
            "name": name,
            "engine": "nim",
            "model_entity_id": training.model_entity(job.candidate, self._config),
            "model_spec": {"model_type": nim.model_type, "lora_enabled": True},
            "executor_config": {
                "gpu": nim.gpus or 1,
                "image_name": f"{nim.registry_base}/{nim.model_name}",
                "image_tag": nim.tag,
                "additional_envs": {"NIM_MAX_MODEL_LEN": str(nim.context_length)},
            },
        }
        await self._client.create("deployment-configs", configuration)
        await self._client.create("deployments", {"name": name, "config": name})

    async def poll(self, job: DeployJob) -> JobStatus:
        """Completed once the gateway gives the base model's answers."""
        name = names.deployment(job.run_uid, job.candidate)
        found = await self._client.deployment(name)
        if found is None:
            return JobStatus(state="failed", error=f"There is no deployment '{name}'.")
        if found.status in GONE:
            why = f"The deployment is {found.status}. {found.status_message}".strip()
            return JobStatus(state="failed", error=why)
        if found.status != "READY":
            return JobStatus(state="running", message=f"deploying ({found.status.lower()})")
        model = training.model_entity(job.candidate, self._config)
        waiting = await gateway_waits_for(self._client, model)
        if waiting is None:
            return JobStatus(state="completed", percent=100.0)
        return JobStatus(state="running", message=waiting)

    async def cancel(self, job: DeployJob) -> bool:
        """Delete it, and once it is gone its configuration; True after that."""
        name = names.deployment(job.run_uid, job.candidate)
        await self._client.delete("deployments", name)
        found = await self._client.deployment(name)
        if found is not None and found.status != "DELETED":
            return False
        await self._client.delete("deployment-configs", name)
        return True
