"""Fine-tuning one candidate."""

from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.db.models import Run, Step
from flywheel.formatting import count, duration
from flywheel.ports.backends import Backends
from flywheel.ports.platform import CustomizeJob, ModelArtifact
from flywheel.runs.state import RunState
from flywheel.runs.steps.base import Apply, Outcome, keep_artifact, require_fit
from flywheel.settings import RunConfig


class Customize:
    """A customization job on the platform; its artifact is stored on the candidate."""

    async def start(self, backends: Backends, state: RunState, step: Step) -> None:
        """Start the job. Raises InvalidInputError for a workload that it cannot answer."""
        require_fit(backends, state, step.candidate)
        await backends.platform.start(job_of(state, step, state.config))

    async def poll(self, backends: Backends, state: RunState, step: Step) -> Outcome:
        """Progress, or the artifact."""
        status = await backends.platform.poll(job_of(state, step, state.config))
        if status.state == "running":
            return Outcome("running", status.percent, status.message)
        if status.state != "completed" or status.artifact is None:
            error = status.error or f"The fine-tuning was {status.state} outside flywheel."
            return Outcome(
                "failed",
                status.percent,
                error=error,
                events=[("candidate-failed", f"{step.candidate} could not be trained: {error}")],
            )
        artifact = status.artifact
        text = (
            f"{step.candidate} is trained on {count(artifact.train_records)} records "
            f"in {duration(artifact.train_seconds)}."
        )
        return Outcome(
            "completed",
            100.0,
            "trained",
            apply=_store(step.candidate, artifact),
            events=[("candidate-trained", text)],
        )

    async def cancel(self, backends: Backends, state: RunState, step: Step) -> bool:
        """Stop the job."""
        return await backends.platform.cancel(job_of(state, step, state.config))


def job_of(state: RunState, step: Step, config: RunConfig) -> CustomizeJob:
    """The job of a step, with the hyper-parameters of `config`."""
    return CustomizeJob(
        name=step.external_name,
        run_uid=state.run.uid,
        candidate=step.candidate,
        seed=state.run.seed,
        datasets=state.dataset_files(),
        training=config.training_config,
        lora=config.lora_config,
        student=config.student_config,
        trial=step.trial,
    )


def _store(name: str, artifact: ModelArtifact) -> Apply:
    async def apply(session: AsyncSession, run: Run) -> None:
        await keep_artifact(session, run, name, artifact)

    return apply
