"""One training of a sweep."""

from typing import Any

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.db.models import Run, Step, Trial
from flywheel.ports.backends import Backends
from flywheel.ports.platform import CustomizeJob, JobStatus, ValidationPoint
from flywheel.runs.state import RunState
from flywheel.runs.steps.base import Apply, Outcome, require_fit
from flywheel.runs.steps.customize import job_of
from flywheel.settings.run_config import with_parameters
from flywheel.sweeps import choice
from flywheel.sweeps.stopping import hopeless


class TrialTraining:
    """A customization job with its own hyper-parameters; a hopeless one is stopped."""

    async def start(self, backends: Backends, state: RunState, step: Step) -> None:
        """Start the job. Raises InvalidInputError for a workload that it cannot answer."""
        require_fit(backends, state, step.candidate)
        await backends.platform.start(_job(state, step))

    async def poll(self, backends: Backends, state: RunState, step: Step) -> Outcome:
        """Progress, or what it left; a trial that was stopped early is completed, too."""
        job, trial = _job(state, step), _trial(state, step)
        if trial.stopped is not None:  # decided before, perhaps by another worker
            if await backends.platform.cancel(job):
                return Outcome("completed", step.percent, trial.stopped)
            return Outcome("running", step.percent, "stopping early")
        status = await backends.platform.poll(job)
        if status.state == "running":
            return _goes_on(state, step, trial, status)
        if status.state != "completed" or status.artifact is None:
            error = status.error or f"The training was {status.state} outside flywheel."
            return Outcome("failed", status.percent, error=error)
        found = status.artifact.validation
        words = "trained, not measured" if found is None else choice.in_words(found)
        values = {"artifact": status.artifact.model_dump(mode="json"), "curve": _dump(status)}
        return Outcome("completed", 100.0, words, apply=_store(trial, values))

    async def cancel(self, backends: Backends, state: RunState, step: Step) -> bool:
        """Stop the job."""
        return await backends.platform.cancel(_job(state, step))


def _goes_on(state: RunState, step: Step, trial: Trial, status: JobStatus) -> Outcome:
    outcome = Outcome("running", status.percent, status.message)
    values: dict[str, Any] = {}
    if status.curve and _dump(status) != trial.curve:
        values["curve"] = _dump(status)
        outcome.message = f"{status.message}, validation loss {status.curve[-1].loss:.3g}"
    sweep = state.config.sweep_config
    if sweep.early_stopping:
        others = [
            [ValidationPoint.model_validate(point) for point in other.curve or ()]
            for other in state.trials_of(step.candidate)
            if other.number != trial.number
        ]
        values["stopped"] = hopeless(status.curve, others, sweep.grace_percent)
    if any(values.values()):
        outcome.apply = _store(trial, values)
    return outcome


def _trial(state: RunState, step: Step) -> Trial:
    return next(t for t in state.trials_of(step.candidate) if t.number == step.trial)


def _job(state: RunState, step: Step) -> CustomizeJob:
    return job_of(state, step, with_parameters(state.config, _trial(state, step).parameters))


def _dump(status: JobStatus) -> list[Any]:
    return [point.model_dump() for point in status.curve]


def _store(trial: Trial, values: dict[str, Any]) -> Apply:
    number, candidate = trial.number, trial.candidate

    async def apply(session: AsyncSession, run: Run) -> None:
        query = select(Trial).where(
            Trial.run_id == run.id, Trial.candidate == candidate, Trial.number == number
        )
        (await session.exec(query)).one().sqlmodel_update(values)

    return apply
