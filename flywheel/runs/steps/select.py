"""Choosing the best training of a sweep, on the validation set."""

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.db.models import Run, Step, Trial
from flywheel.formatting import count
from flywheel.ports.backends import Backends
from flywheel.ports.platform import ModelArtifact
from flywheel.runs.state import RunState
from flywheel.runs.steps.base import Apply, InstantStep, Outcome, keep_artifact
from flywheel.sweeps import choice
from flywheel.sweeps.space import in_words


class SelectTrial(InstantStep):
    """Only the model of the best trial is evaluated, so the evaluation set chooses nothing."""

    async def poll(self, backends: Backends, state: RunState, step: Step) -> Outcome:  # noqa: ARG002
        """The best one; failed where none can be compared."""
        name, trials = step.candidate, state.trials_of(step.candidate)
        trained = {
            trial.number: ModelArtifact.model_validate(trial.artifact)
            for trial in trials
            if trial.artifact is not None
        }
        measured = {n: found.validation for n, found in trained.items() if found.validation}
        best = choice.best(measured)
        if best is None:
            error = _why(state, name, bool(trained))
            return Outcome(
                "failed",
                error=error,
                events=[("candidate-failed", f"{name} could not be trained: {error}")],
            )
        parameters = next(trial.parameters for trial in trials if trial.number == best)
        stopped = sum(trial.stopped is not None for trial in trials)
        failed = len(trials) - len(trained) - stopped
        said = f"trial {best} of {len(trials)}: {in_words(parameters)}"
        beside = [
            f"{count(number)} {what}"
            for number, what in ((stopped, "stopped early"), (failed, "failed"))
            if number
        ]
        text = f"{name} is trained; best on the validation set is {said} "
        text += f"({choice.in_words(measured[best])})."
        text += f" Of the others {' and '.join(beside)}." if beside else ""
        return Outcome(
            "completed",
            100.0,
            said,
            apply=_store(name, best, trained[best]),
            events=[("candidate-trained", text)],
        )


def _why(state: RunState, name: str, trained: bool) -> str:
    if trained:
        return (
            "Its trials cannot be compared: no training has measured them on the validation set. "
            "Try one training (sweep_config.search: none)."
        )
    errors = [
        f"trial {s.trial}: {s.error}"
        for s in state.steps
        if s.kind == "trial" and s.candidate == name and s.error
    ]
    return f"No trial of its sweep was trained to its end. {' '.join(errors)}".strip()


def _store(name: str, best: int, artifact: ModelArtifact) -> Apply:
    async def apply(session: AsyncSession, run: Run) -> None:
        query = select(Trial).where(
            Trial.run_id == run.id, Trial.candidate == name, Trial.number == best
        )
        (await session.exec(query)).one().chosen = True
        await keep_artifact(session, run, name, artifact)

    return apply
