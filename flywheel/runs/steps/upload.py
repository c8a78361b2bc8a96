"""Bringing the datasets to where the platform reads them."""

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.db.models import Dataset, Run, Step
from flywheel.ports.backends import Backends
from flywheel.ports.platform import DatasetFiles, UploadJob
from flywheel.runs.state import RunState
from flywheel.runs.steps.base import Apply, Outcome


class UploadDatasets:
    """An upload on the platform; the addresses that it gives are kept with the datasets."""

    async def start(self, backends: Backends, state: RunState, step: Step) -> None:
        """Start it."""
        await backends.platform.start(_job(state, step))

    async def poll(self, backends: Backends, state: RunState, step: Step) -> Outcome:
        """Progress, or where the datasets are."""
        status = await backends.platform.poll(_job(state, step))
        if status.state == "running":
            return Outcome("running", status.percent, status.message)
        if status.state != "completed" or status.datasets is None:
            error = status.error or f"The upload was {status.state} outside flywheel."
            return Outcome("failed", status.percent, error=error)
        return Outcome("completed", 100.0, "uploaded", apply=_store(status.datasets))

    async def cancel(self, backends: Backends, state: RunState, step: Step) -> bool:
        """Stop it."""
        return await backends.platform.cancel(_job(state, step))


def _job(state: RunState, step: Step) -> UploadJob:
    return UploadJob(
        name=step.external_name,
        run_uid=state.run.uid,
        workload_id=state.run.workload_id,
        datasets=state.dataset_files(),
    )


def _store(files: DatasetFiles) -> Apply:
    async def apply(session: AsyncSession, run: Run) -> None:
        uris = {"train": files.train, "val": files.val, "eval": files.eval}
        for dataset in await session.exec(select(Dataset).where(Dataset.run_id == run.id)):
            dataset.remote_uri = uris[dataset.name]

    return apply
