"""Finding and deleting what runs left on NeMo Platform and on this machine."""

import asyncio
import shutil
from collections.abc import Collection as Names
from pathlib import Path
from typing import Literal

from flywheel import processes
from flywheel.adapters.nemo_platform import names
from flywheel.adapters.nemo_platform.client import Collection, Kind, NemoPlatformClient
from flywheel.adapters.nemo_platform.wire import STATES
from flywheel.errors import FlywheelError
from flywheel.ports.platform import Leftover
from flywheel.settings import NemoPlatformConfig

# In this order: nobody may ask a server that is gone, or serve a model that is.
_OF_STUDENTS: tuple[Kind, ...] = ("providers", "models", "filesets")
_OF_DEPLOYMENTS: tuple[Kind, ...] = ("deployments", "deployment-configs", "filesets")
_CALLED: dict[Kind, Literal["dataset", "model", "deployment"]] = {
    "providers": "deployment",
    "deployments": "deployment",
    "deployment-configs": "deployment",
    "models": "model",
    "filesets": "dataset",
}
_STOP_SECONDS = 60.0


class Cleaning:
    """Everything whose name starts with a run's."""

    def __init__(self, client: NemoPlatformClient, config: NemoPlatformConfig, root: Path) -> None:
        self._client = client
        self._collections: tuple[Collection, ...] = (config.backend, "evaluate")
        self._kinds = _OF_STUDENTS if config.backend == "students" else _OF_DEPLOYMENTS
        self._root = root

    async def remove(self, run_uid: str) -> list[Leftover]:
        """Jobs first, then what they made. Returns what could not be removed, and why."""
        left = []
        for collection in self._collections:
            for name in await self._client.job_names(collection):
                if names.run_uid_of(name) == run_uid and not await self._stopped(collection, name):
                    why = "It does not stop."
                    left.append(Leftover(kind="job", name=name, run_uid=run_uid, why=why))
        for directory in await asyncio.to_thread(_servers, self._root / run_uid):
            if not await processes.cancel(directory):
                why = "It does not stop."
                left.append(
                    Leftover(kind="deployment", name=str(directory), run_uid=run_uid, why=why)
                )
        if left:
            return left
        for found in await self._found({run_uid}):
            try:
                await self._delete(*found)
            except FlywheelError as error:
                left.append(_leftover(*found, why=error.message))
        await asyncio.to_thread(shutil.rmtree, self._root / run_uid, ignore_errors=True)
        return left

    async def leftovers(self, run_uids: Names[str]) -> list[Leftover]:
        """What was made by runs that are none of these."""
        return [_leftover(*found) for found in await self._found(None, run_uids)]

    async def _found(
        self, wanted: Names[str] | None, others: Names[str] = ()
    ) -> list[tuple[Collection | Kind, str]]:
        """What runs made: those `wanted`, else all but `others`."""
        places: list[tuple[Collection | Kind, list[str]]] = [
            (collection, await self._client.job_names(collection))
            for collection in self._collections
        ]
        places += [(kind, await self._client.names(kind)) for kind in self._kinds]
        return [
            (place, name)
            for place, found in places
            for name in found
            if (uid := names.run_uid_of(name)) is not None
            and (uid in wanted if wanted is not None else uid not in others)
        ]

    async def _delete(self, place: Collection | Kind, name: str) -> None:
        match place:
            case "students" | "unsloth" | "automodel" | "evaluate":
                await self._client.delete_job(place, name)
                if place == "evaluate":
                    await self._client.delete_evaluation_result(name)
            case _:
                await self._client.delete(place, name)

    async def _stopped(self, collection: Collection, name: str) -> bool:
        """Ask the job to stop, for a while; whether it has."""
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                while True:
                    job = await self._client.job(collection, name)
                    if job is None or STATES[job.status] != "running":
                        return True
                    await self._client.cancel(collection, name)
                    await asyncio.sleep(1)
        except TimeoutError:
            return False


def _servers(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/serve"))


def _leftover(place: Collection | Kind, name: str, why: str = "") -> Leftover:
    match place:
        case "students" | "unsloth" | "automodel" | "evaluate":
            return Leftover(kind="job", name=name, run_uid=names.run_uid_of(name), why=why)
        case _:
            kind = _CALLED[place]
            return Leftover(kind=kind, name=name, run_uid=names.run_uid_of(name), why=why)
