"""Building the datasets, in a process of its own: it is heavy, and its memory goes with it."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel import processes
from flywheel.datasets.report import FrozenUse, Repeats
from flywheel.db.models import Dataset, FrozenSet, Run, Step
from flywheel.decisions.policy import PolicyDocument
from flywheel.errors import SettingsError
from flywheel.evaluation.scores import Interval
from flywheel.formatting import count
from flywheel.ports.backends import Backends
from flywheel.ports.logs import Selection
from flywheel.receipts.keys import signing_key
from flywheel.runs.build import BuildSpec, BuiltDatasets, FrozenFile
from flywheel.runs.needs import check_needs, judge_task
from flywheel.runs.state import RunState, run_folder, run_ref
from flywheel.runs.steps.base import Apply, Outcome
from flywheel.runs.steps.sizing import size_plan
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
            frozen=await _frozen(backends, state),
            size_plan=await size_plan(backends, state),
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
        if report.repeats is not None and report.repeats.texts:
            report.repeats.agreement = await asyncio.to_thread(
                _agreement, report.repeats, state.config.evaluation_config.confidence
            )
        types = _answered(backends, state)
        if report.workload_type not in types:
            return Outcome(
                "failed",
                100.0,
                error=f"{state.run.workload_id} is a {report.workload_type} workload; the "
                f"candidates of the run answer only {' and '.join(sorted(types))}.",
                apply=_store(built),
            )
        try:
            policy = state.run.policy
            check_needs(
                report.workload_type,
                None if policy is None else PolicyDocument.model_validate(policy).parsed(),
                state.config.evaluation_config,
                backends.settings.llm_judge_config,
                deploys_judge=backends.platform.own_judge() is not None,
            )
        except SettingsError as error:
            return Outcome("failed", 100.0, error=str(error), apply=_store(built))
        frozen = "" if report.frozen is None else f" (the frozen set of {report.frozen.run_id})"
        text = (
            f"Datasets are built from {count(report.read)} records: {count(report.eval)} for "
            f"evaluation{frozen}, {count(report.train)} for training, {count(report.val)} for "
            f"validation; {count(report.duplicates + report.near_duplicates)} duplicates, "
            f"{count(report.unlabeled)} without a label and "
            f"{count(report.invalid + report.wrong_type)} unfit records were left out."
        )
        task = judge_task(report.workload_type, state.config.evaluation_config)
        judged = [] if task is None else _judged(backends, state)
        return Outcome(
            "completed",
            100.0,
            "built",
            apply=_store(built, judged),
            events=[("datasets-built", text)],
        )

    async def cancel(self, backends: Backends, state: RunState, step: Step) -> bool:  # noqa: ARG002
        """Stop the process."""
        return await processes.cancel(run_folder(backends.settings.home, state.run.uid) / "build")


def _answered(backends: Backends, state: RunState) -> frozenset[str]:
    """What at least one candidate of the run can answer."""
    names = {candidate.name for candidate in state.candidates}
    specs = [spec for spec in backends.platform.candidates() if spec.name in names]
    return frozenset().union(*(spec.workload_types for spec in specs))


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


async def _frozen(backends: Backends, state: RunState) -> list[FrozenFile]:
    """All frozen sets of the workload: none of their records may be trained on."""
    run = state.run
    query = select(FrozenSet).where(FrozenSet.workload_id == run.workload_id)
    async with backends.database.transaction() as session:
        rows = list(await session.exec(query.order_by(col(FrozenSet.id))))
    return [
        FrozenFile(
            path=Path(row.uri),
            use=FrozenUse(
                digest=row.digest,
                run_id=run_ref(row.run_id),
                frozen_at=row.frozen_at,
                frozen_by=row.frozen_by,
            ),
            in_force=state.config.data_split_config.use_frozen
            and row.released_at is None
            and row.client_id == (run.client_id or ""),
        )
        for row in rows
    ]


def _agreement(repeats: Repeats, confidence: float) -> Interval:
    from flywheel.evaluation.intervals import wilson  # slow to import

    return wilson(repeats.alike, repeats.texts, confidence)


def _judged(backends: Backends, state: RunState) -> list[Step]:
    """A step for each model whose answers a judge has to score, and those that deploy the judge."""
    models = [] if state.incumbent() is None else [""]
    models += [candidate.name for candidate in state.candidates]
    steps = [("judge", name) for name in models]
    if backends.platform.own_judge() is not None:
        steps = [("deploy-judge", ""), *steps, ("undeploy-judge", "")]
    return [
        Step(
            run_id=state.run.id or 0,
            kind=kind,
            candidate=name,
            status="pending",
            external_name="-".join(filter(None, (state.run.uid, name, kind))),
        )
        for kind, name in steps
    ]


def _store(built: BuiltDatasets, judged: Sequence[Step] = ()) -> Apply:
    async def apply(session: AsyncSession, run: Run) -> None:
        assert run.id is not None
        session.add_all(judged)
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
