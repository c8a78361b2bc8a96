"""Building the datasets, in a process of its own: it is heavy, and its memory goes with it."""

import asyncio
import sys
from pathlib import Path

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel import processes
from flywheel.db.models import Dataset, Run, Step
from flywheel.formatting import count
from flywheel.ports.backends import Backends
from flywheel.ports.logs import Selection
from flywheel.receipts.keys import signing_key
from flywheel.runs.build import BuildSpec, BuiltDatasets
from flywheel.runs.state import RunState, run_folder
from flywheel.runs.steps.base import Apply, Outcome
from flywheel.settings.sections import Secrets


class BuildDatasets:
    """The records of the workload become eval, train and val."""

    async def start(self, backends: Backends, state: RunState, step: Step) -> None:  # noqa: ARG002
        """Start the process.

        Raises SettingsError, UnavailableError where the key of receipts cannot be used: better
        now than after the training.
        """
        await asyncio.to_thread(signing_key, backends.settings)
        folder = run_folder(backends.settings.home, state.run.uid)
        spec = BuildSpec(
            settings=backends.settings.model_copy(update={"secrets": Secrets()}),
            selection=Selection(
                workload_id=state.run.workload_id,
                client_id=state.run.client_id,
                limit=state.config.data_split_config.limit,
            ),
            split=state.config.data_split_config,
            evaluation=state.config.evaluation_config,
            seed=state.run.seed,
            out_dir=folder / "datasets",
            known=await _known(backends, state),
        )
        job = folder / "build"
        argv = [sys.executable, "-m", "flywheel.build_datasets", str(job)]
        await processes.start(job, argv, spec)

    async def poll(self, backends: Backends, state: RunState, step: Step) -> Outcome:  # noqa: ARG002
        """Progress, or the datasets with their report."""
        status = await processes.poll(run_folder(backends.settings.home, state.run.uid) / "build")
        if status.state == "running":
            return Outcome("running", status.percent, status.message)
        if status.result is None:
            return Outcome("failed", status.percent, error=status.error or "It was stopped.")
        built = BuiltDatasets.model_validate_json(status.result)
        report = built.report
        if report.workload_type not in backends.platform.workload_types:
            return Outcome(
                "failed",
                100.0,
                error=f"{state.run.workload_id} is a {report.workload_type} workload; the "
                f"candidates of the platform '{backends.platform.name}' learn only "
                f"{' and '.join(sorted(backends.platform.workload_types))}.",
                apply=_store(built),
            )
        text = (
            f"Datasets are built from {count(report.read)} records: {count(report.eval)} for "
            f"evaluation, {count(report.train)} for training, {count(report.val)} for validation; "
            f"{count(report.duplicates + report.near_duplicates)} duplicates, "
            f"{count(report.unlabeled)} without a label and "
            f"{count(report.invalid + report.wrong_type)} unfit records were left out."
        )
        return Outcome(
            "completed", 100.0, "built", apply=_store(built), events=[("datasets-built", text)]
        )

    async def cancel(self, backends: Backends, state: RunState, step: Step) -> bool:  # noqa: ARG002
        """Stop the process."""
        return await processes.cancel(run_folder(backends.settings.home, state.run.uid) / "build")


async def _known(backends: Backends, state: RunState) -> list[Path]:
    """The training files of the incumbent's run. They are kept as long as it is promoted."""
    incumbent = state.incumbent()
    if incumbent is None:
        return []
    query = select(Dataset.uri).where(
        Dataset.run_id == incumbent.run_id, col(Dataset.name).in_(("train", "val"))
    )
    async with backends.database.transaction() as session:
        return [Path(uri) for uri in await session.exec(query)]


def _store(built: BuiltDatasets) -> Apply:
    async def apply(session: AsyncSession, run: Run) -> None:
        assert run.id is not None
        run.dataset_report = built.report.model_dump(mode="json")
        run.num_records = built.report.read
        for file in built.files:
            session.add(
                Dataset(
                    run_id=run.id,
                    name=file.name,
                    uri=str(file.path),
                    num_records=file.num_records,
                    digest=file.digest,
                )
            )

    return apply
