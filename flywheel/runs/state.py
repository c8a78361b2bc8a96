"""A run with everything that belongs to it, read in one transaction."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.datasets.report import DatasetReport
from flywheel.db.models import Candidate, Dataset, Evaluation, Review, Run, Step, Trial
from flywheel.errors import NotFoundError
from flywheel.evaluation.scores import Scores
from flywheel.ports.platform import DatasetFiles, ModelArtifact
from flywheel.promotions.registry import IncumbentModel
from flywheel.settings import RunConfig, stored_run_config

# What stands as a person's judgement when they have taken back what they said.
WITHDRAWN = "withdrawn"


def run_ref(run_id: int | None) -> str:
    """How people write a run: 'r-12'."""
    return f"r-{run_id}"


def run_folder(home: Path, uid: str) -> Path:
    """Where a run's own files are on this machine."""
    return home / "runs" / uid


@dataclass
class RunState:
    """What a step needs to know of its run."""

    run: Run
    config: RunConfig
    steps: list[Step]
    candidates: list[Candidate]
    datasets: list[Dataset]
    evaluations: list[Evaluation]
    reviews: list[Review] = field(default_factory=list)  # that nobody has taken back
    trials: list[Trial] = field(default_factory=list)

    def candidate(self, name: str) -> Candidate:
        """The run's candidate of that name."""
        return next(c for c in self.candidates if c.name == name)

    def trials_of(self, candidate: str) -> list[Trial]:
        """The trials of its sweep, by number; none where it is trained once."""
        return [trial for trial in self.trials if trial.candidate == candidate]

    def artifact(self, name: str) -> ModelArtifact | None:
        """What the candidate's fine-tuning left, once it is done."""
        raw = self.candidate(name).artifact
        return None if raw is None else ModelArtifact.model_validate(raw)

    def final_scores(self, name: str) -> Scores | None:
        """The scores of the candidate's final evaluation, where it is done."""
        return self.scores(name, self.candidate(name).final_eval)

    def incumbent(self) -> IncumbentModel | None:
        """The model that served the workload when the run was started."""
        raw = self.run.incumbent
        return None if raw is None else IncumbentModel.model_validate(raw)

    def dataset(self, name: str) -> Dataset:
        """The run's dataset train, val or eval."""
        return next(d for d in self.datasets if d.name == name)

    def dataset_files(self) -> DatasetFiles:
        """Where the platform finds the datasets: here, or where they were uploaded to."""
        report = DatasetReport.model_validate(self.run.dataset_report)
        uris = {d.name: d.remote_uri or d.uri for d in self.datasets}
        return DatasetFiles(**uris, labels=list(report.classes))

    def tracked(self, candidate: str, eval_type: str) -> str | None:
        """Where people find the evaluation, where it is written down elsewhere."""
        key = (candidate, eval_type)
        found = [e.mlflow_uri for e in self.evaluations if (e.candidate, e.eval_type) == key]
        return found[0] if found else None

    def scores(self, candidate: str, eval_type: str) -> Scores | None:
        """The scores of one evaluation, where it is done."""
        for evaluation in self.evaluations:
            if (evaluation.candidate, evaluation.eval_type) == (candidate, eval_type):
                return Scores.model_validate(evaluation.scores)
        return None


async def load_states(session: AsyncSession, run_ids: list[int]) -> list[RunState]:
    """The runs with these ids, in this order; those that do not exist are left out."""
    runs = {r.id: r for r in await session.exec(select(Run).where(col(Run.id).in_(run_ids)))}
    steps = await session.exec(
        select(Step).where(col(Step.run_id).in_(run_ids)).order_by(col(Step.id))
    )
    candidates = await session.exec(
        select(Candidate)
        .where(col(Candidate.run_id).in_(run_ids))
        .order_by(col(Candidate.position))
    )
    datasets = await session.exec(
        select(Dataset).where(col(Dataset.run_id).in_(run_ids)).order_by(col(Dataset.id))
    )
    evaluations = await session.exec(
        select(Evaluation).where(col(Evaluation.run_id).in_(run_ids)).order_by(col(Evaluation.id))
    )
    reviews = _that_stand(
        await session.exec(
            select(Review).where(col(Review.run_id).in_(run_ids)).order_by(col(Review.id))
        )
    )
    trials = list(
        await session.exec(
            select(Trial).where(col(Trial.run_id).in_(run_ids)).order_by(col(Trial.number))
        )
    )
    rows = (list(steps), list(candidates), list(datasets), list(evaluations))
    return [
        RunState(
            run,
            stored_run_config(run.config),
            [r for r in rows[0] if r.run_id == run_id],
            [r for r in rows[1] if r.run_id == run_id],
            [r for r in rows[2] if r.run_id == run_id],
            [r for r in rows[3] if r.run_id == run_id],
            [r for r in reviews if r.run_id == run_id],
            [r for r in trials if r.run_id == run_id],
        )
        for run_id in run_ids
        if (run := runs.get(run_id)) is not None
    ]


async def load_state(session: AsyncSession, run_id: int) -> RunState:
    """One run. Raises NotFoundError."""
    states = await load_states(session, [run_id])
    if not states:
        raise NotFoundError(f"There is no run {run_ref(run_id)}.", "`flywheel runs` lists them.")
    return states[0]


def _that_stand(reviews: Iterable[Review]) -> list[Review]:
    """Those, in the order of time, that their authors have not taken back since."""
    found: dict[tuple[int, str, int, str], list[Review]] = {}
    for review in reviews:
        said = found.setdefault((review.run_id, review.candidate, review.row, review.reviewer), [])
        if review.judgement == WITHDRAWN:
            said.clear()
        else:
            said.append(review)
    return sorted(chain.from_iterable(found.values()), key=lambda review: review.id or 0)
