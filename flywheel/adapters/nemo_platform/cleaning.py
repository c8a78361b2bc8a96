"""Deleting what a run left on NeMo Platform and on this machine."""

import asyncio
import shutil
from pathlib import Path

from flywheel import processes
from flywheel.adapters.nemo_platform import names
from flywheel.adapters.nemo_platform.client import Collection, Kind, NemoPlatformClient
from flywheel.adapters.nemo_platform.wire import STATES
from flywheel.errors import ConflictError
from flywheel.settings import NemoPlatformConfig

# In this order: nobody may ask a server that is gone, or serve a model that is.
_OF_STUDENTS: tuple[Kind, ...] = ("providers", "models", "filesets")
_OF_DEPLOYMENTS: tuple[Kind, ...] = ("deployments", "deployment-configs", "filesets")
_STOP_SECONDS = 60.0


class Cleaning:
    """Everything whose name starts with the run's."""

    def __init__(self, client: NemoPlatformClient, config: NemoPlatformConfig, root: Path) -> None:
        self._client = client
        self._collections: tuple[Collection, ...] = (config.backend, "evaluate")
        self._kinds = _OF_STUDENTS if config.backend == "students" else _OF_DEPLOYMENTS
        self._root = root

    async def remove(self, run_uid: str) -> None:
        """Jobs first, then what they made. Raises ConflictError where a job does not stop."""
        for collection in self._collections:
            for name in await self._client.job_names(collection):
                if _belongs(name, run_uid):
                    await self._remove_job(collection, name)
        await self._stop_servers(run_uid)
        for kind in self._kinds:
            for name in await self._client.names(kind):
                if _belongs(name.removeprefix(names.job_fileset("")), run_uid):
                    await self._client.delete(kind, name)
        await asyncio.to_thread(shutil.rmtree, self._root / run_uid, ignore_errors=True)

    async def _remove_job(self, collection: Collection, name: str) -> None:
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                while await self._runs(collection, name):
                    await self._client.cancel(collection, name)
                    await asyncio.sleep(1)
        except TimeoutError as error:
            raise ConflictError(
                f"The job '{name}' does not stop, so it was not removed.", "Try again in a moment."
            ) from error
        await self._client.delete_job(collection, name)
        if collection == "evaluate":
            await self._client.delete_evaluation_result(name)

    async def _runs(self, collection: Collection, name: str) -> bool:
        job = await self._client.job(collection, name)
        return job is not None and STATES[job.status] == "running"

    async def _stop_servers(self, run_uid: str) -> None:
        folder = self._root / run_uid
        for directory in await asyncio.to_thread(lambda: sorted(folder.glob("*/serve"))):
            if not await processes.cancel(directory):
                raise ConflictError(
                    f"The server in {directory} does not stop, so the run was not removed.",
                    "Try again in a moment.",
                )


def _belongs(name: str, run_uid: str) -> bool:
    return name.startswith(f"{run_uid}-")
