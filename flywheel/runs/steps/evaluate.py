"""Asking one model for an answer to every evaluation record, and scoring the answers."""

import asyncio
from pathlib import Path

from sqlmodel.ext.asyncio.session import AsyncSession

from flywheel.datasets.report import DatasetReport
from flywheel.db.models import Evaluation, Prediction, Run, Step
from flywheel.evaluation.cost import find_price
from flywheel.evaluation.scores import Scores
from flywheel.formatting import count
from flywheel.ports.backends import Backends
from flywheel.ports.platform import EvalType, EvaluateJob, JobStatus, ModelArtifact, PredictionRow
from flywheel.runs.scoring import score_answers
from flywheel.runs.state import RunState
from flywheel.runs.steps.base import Apply, Outcome, keep_artifact, require_fit


class Evaluate:
    """An evaluation job on the platform; our scores come from its stored predictions."""

    def __init__(self, eval_type: EvalType) -> None:
        self._eval_type = eval_type

    async def start(self, backends: Backends, state: RunState, step: Step) -> None:
        """Start the job. Raises InvalidInputError for a workload that it cannot answer."""
        require_fit(backends, state, step.candidate)
        await backends.platform.start(self._job(state, step))

    async def poll(self, backends: Backends, state: RunState, step: Step) -> Outcome:
        """Progress, or the scores with the predictions that they were computed from."""
        job = self._job(state, step)
        status = await backends.platform.poll(job)
        if status.state == "running":
            return Outcome("running", status.percent, status.message)
        if status.state != "completed":
            error = status.error or f"The evaluation was {status.state} outside flywheel."
            return Outcome(
                "failed",
                status.percent,
                error=error,
                events=[("candidate-failed", f"{job.candidate} could not be scored: {error}")],
            )
        answers = await backends.platform.predictions(job)
        scores, predictions = await asyncio.to_thread(_score, state, job.candidate, answers)
        said, done = f"{count(scores.n)} answers", "answered"
        if (found := scores.headline) is not None:
            said, done = found.words, found.brief
        text = f"{self._said(state, step)}: {said}."
        text += f" {status.message[:1].upper()}{status.message[1:]}." if status.message else ""
        return Outcome(
            "completed",
            100.0,
            "; ".join(filter(None, (done, status.message))),
            apply=_store(
                step.candidate,
                self._eval_type,
                scores,
                predictions,
                self._left(state, step, status),
            ),
            events=[("candidate-evaluated", text)],
        )

    async def cancel(self, backends: Backends, state: RunState, step: Step) -> bool:
        """Stop the job."""
        return await backends.platform.cancel(self._job(state, step))

    def _left(self, state: RunState, step: Step, status: JobStatus) -> ModelArtifact | None:
        """What may be promoted: of the evaluation that speaks for the candidate."""
        if self._eval_type == "incumbent-eval":
            return None
        final = state.candidate(step.candidate).final_eval == self._eval_type
        return status.artifact if final else None

    def _said(self, state: RunState, step: Step) -> str:
        """The model, in words."""
        incumbent = state.incumbent()
        if self._eval_type == "incumbent-eval" and incumbent is not None:
            return f"{incumbent.name}, the incumbent"
        what = {"customized-eval": "fine-tuned", "icl-eval": "with examples in its prompt"}.get(
            self._eval_type, state.candidate(step.candidate).base_label
        )
        return f"{step.candidate} ({what})"

    def _job(self, state: RunState, step: Step) -> EvaluateJob:
        name, artifact = step.candidate, None
        if self._eval_type == "incumbent-eval":
            incumbent = state.incumbent()
            assert incumbent is not None  # the step was planned for it
            name, artifact = incumbent.model_name, incumbent.artifact
        elif self._eval_type == "customized-eval":
            artifact = state.artifact(step.candidate)
        return EvaluateJob(
            name=step.external_name,
            run_uid=state.run.uid,
            candidate=name,
            seed=state.run.seed,
            datasets=state.dataset_files(),
            eval_type=self._eval_type,
            artifact=None if artifact is None else artifact.uri,
            icl=state.config.icl_config if self._eval_type == "icl-eval" else None,
        )


def _score(
    state: RunState, candidate: str, answers: list[PredictionRow]
) -> tuple[Scores, list[Prediction]]:
    report = DatasetReport.model_validate(state.run.dataset_report)
    return score_answers(
        Path(state.dataset("eval").uri),
        answers,
        candidate,
        report.workload_type,
        state.config.evaluation_config,
        state.run.seed,
        find_price(state.config.prices, candidate),
        report.classes,
    )


def _store(
    candidate: str,
    eval_type: EvalType,
    scores: Scores,
    predictions: list[Prediction],
    artifact: ModelArtifact | None,
) -> Apply:
    async def apply(session: AsyncSession, run: Run) -> None:
        assert run.id is not None
        evaluation = Evaluation(
            run_id=run.id,
            candidate=candidate,
            eval_type=eval_type,
            scores=scores.model_dump(mode="json"),
        )
        session.add(evaluation)
        await session.flush()
        assert evaluation.id is not None
        for prediction in predictions:
            prediction.evaluation_id = evaluation.id
        session.add_all(predictions)
        if artifact is not None:
            await keep_artifact(session, run, candidate, artifact)

    return apply
