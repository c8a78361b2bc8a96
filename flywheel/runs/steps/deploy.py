"""Serving a model for as long as somebody asks it, and taking it down."""

from flywheel.db.models import Step
from flywheel.ports.backends import Backends
from flywheel.ports.platform import DeployJob
from flywheel.runs.state import RunState
from flywheel.runs.steps.base import Outcome


class Deploy:
    """A deployment on the platform: completed once the model answers."""

    async def start(self, backends: Backends, state: RunState, step: Step) -> None:
        """Ask for it."""
        await backends.platform.start(_job(backends, state, step))

    async def poll(self, backends: Backends, state: RunState, step: Step) -> Outcome:
        """How far it is."""
        status = await backends.platform.poll(_job(backends, state, step))
        if status.state == "running":
            return Outcome("running", status.percent, status.message)
        if status.state == "completed":
            return Outcome("completed", 100.0, "serving")
        error = status.error or f"The deployment was {status.state} outside flywheel."
        what = "The judge" if step.kind == "deploy-judge" else step.candidate or "The incumbent"
        text = f"{what} could not be deployed: {error}"
        return Outcome("failed", status.percent, error=error, events=[("candidate-failed", text)])

    async def cancel(self, backends: Backends, state: RunState, step: Step) -> bool:
        """Take it down."""
        return await backends.platform.cancel(_job(backends, state, step))


class Undeploy:
    """The end of a deployment; completed once nothing of it runs, or others need it."""

    async def start(self, backends: Backends, state: RunState, step: Step) -> None:
        """Nothing to start: every poll asks for it again."""

    async def poll(self, backends: Backends, state: RunState, step: Step) -> Outcome:
        """Ask for it, and see whether it is gone."""
        kind = step.kind.removeprefix("un")
        deployed = next(s for s in state.steps if (s.kind, s.candidate) == (kind, step.candidate))
        if await backends.platform.cancel(_job(backends, state, deployed)):
            return Outcome("completed", 100.0, "taken down")
        return Outcome("running", message="going down")

    async def cancel(self, backends: Backends, state: RunState, step: Step) -> bool:
        """Taking down goes on when a run is cancelled."""
        return (await self.poll(backends, state, step)).state == "completed"


def _job(backends: Backends, state: RunState, deployed: Step) -> DeployJob:
    judge, incumbent = deployed.kind == "deploy-judge", state.incumbent()
    model = deployed.candidate
    if judge:
        model = backends.settings.llm_judge_config.model_name or ""
    elif not model and incumbent is not None:
        model = incumbent.model_name
    return DeployJob(
        name=deployed.external_name, run_uid=state.run.uid, candidate=model, judge=judge
    )
