"""From rows to the view of a run that every skin draws. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from flywheel.clock import utc_now
from flywheel.datasets.report import DatasetReport
from flywheel.db.models import Candidate, Step
from flywheel.decisions.verdict import Recommendation
from flywheel.evaluation.audit import Audit, Judged, Judgement, audit
from flywheel.evaluation.cost import cost_per_1000
from flywheel.evaluation.scores import Interval, Scores
from flywheel.runs.graph import PLATFORM_KINDS, TERMINAL
from flywheel.runs.state import RunState, run_ref
from flywheel.views import (
    ApprovalView,
    CandidateView,
    CustomizationView,
    DatasetView,
    EvaluationView,
    IncumbentView,
    RunView,
    StartedBy,
    StepView,
    TeacherView,
    TrialView,
)

_MEASURES = {
    "customized-eval": "fine-tuned model",
    "icl-eval": "base model with examples in its prompt",
}


def present(
    state: RunState, approval: ApprovalView | None = None, incumbent: str | None = None
) -> RunView:
    """The run as people see it, with its open approval; `incumbent` of its workload."""
    run = state.run
    report = (
        None if run.dataset_report is None else DatasetReport.model_validate(run.dataset_report)
    )
    return RunView.model_validate(
        {
            "id": run_ref(run.id),
            "workload_id": run.workload_id,
            "client_id": run.client_id,
            "status": run.status,
            "started_at": run.started_at,
            "finished_at": run.finished_at,
            "num_records": run.num_records,
            "datasets": [
                DatasetView(name=d.name, num_records=d.num_records, nmp_uri=d.uri, digest=d.digest)
                for d in state.datasets
            ],
            "nims": [_candidate(state, candidate) for candidate in state.candidates],
            "llm_judge": _judge(state),
            "error": run.error,
            "created_at": run.created_at,
            "requested_by": run.requested_by,
            "schedule": _schedule(state),
            "seed": run.seed,
            "version": run.version,
            "steps": [
                StepView.model_validate(
                    {
                        "kind": step.kind,
                        "candidate": step.candidate or None,
                        "trial": step.trial or None,
                        "status": step.status,
                        "percent": step.percent,
                        "message": step.message,
                        "error": step.error,
                    }
                )
                for step in state.steps
            ],
            "dataset_report": report,
            "teacher": None if report is None else _teacher(state, report),
            "recommendation": None
            if run.recommendation is None
            else Recommendation.model_validate(run.recommendation),
            "summary": run.summary,
            "approval_id": None if approval is None else approval.id,
            "approval": approval,
            "incumbent": incumbent,
            "compared": _incumbent(state),
        }
    )


def _schedule(state: RunState) -> StartedBy | None:
    run = state.run
    if run.schedule_id is None or run.schedule_due is None:
        return None
    return StartedBy(id=f"s-{run.schedule_id}", rule=run.schedule_words or "", due=run.schedule_due)


def _teacher(state: RunState, report: DatasetReport) -> TeacherView:
    usage = report.teacher
    return TeacherView(
        **usage.model_dump(), cost_per_1000=cost_per_1000(state.config.prices, usage)
    )


def _judge(state: RunState) -> dict[str, str] | None:
    """Who judged, and under which prompt, where anybody did."""
    for candidate in state.candidates:
        scores = state.final_scores(candidate.name)
        if scores is not None and scores.judge is not None:
            return {"model_name": scores.judge.model, "prompt_digest": scores.judge.prompt_digest}
    return None


def _incumbent(state: RunState) -> IncumbentView | None:
    model = state.incumbent()
    if model is None:
        return None
    errors = [s.error for s in state.steps if s.kind == "incumbent-eval" and s.error]
    return IncumbentView(
        name=model.name, scores=state.scores("", "incumbent-eval"), error=" ".join(errors) or None
    )


def _candidate(state: RunState, candidate: Candidate) -> CandidateView:
    steps = [s for s in state.steps if s.candidate == candidate.name]
    errors = [s.error for s in steps if s.error and s.kind != "trial"]
    return CandidateView(
        model_name=candidate.name,
        status=_candidate_status(steps),
        runtime_seconds=sum(_runtime(s) for s in steps),
        evaluations=[
            _evaluation(state, candidate, step) for step in steps if step.kind.endswith("-eval")
        ],
        customizations=[
            _customization(state, candidate, step)
            for step in steps
            if step.kind in {"customize", "select"}
        ],
        trials=[_trial(state, step) for step in steps if step.kind == "trial"],
        error=" ".join(errors) or None,
        description=candidate.description,
        base=state.scores(candidate.name, "base-eval"),
        customized=state.final_scores(candidate.name),
        audit=audit_of(state, candidate.name),
    )


def _trial(state: RunState, step: Step) -> TrialView:
    trial = next(t for t in state.trials_of(step.candidate) if t.number == step.trial)
    return TrialView.model_validate(
        {
            "number": trial.number,
            "parameters": trial.parameters,
            "status": step.status,
            "progress": step.percent,
            "runtime_seconds": _runtime(step),
            "validation": (trial.artifact or {}).get("validation"),
            "curve": trial.curve or [],
            "stopped": trial.stopped,
            "chosen": trial.chosen,
            "error": step.error,
        }
    )


def audit_of(state: RunState, candidate: str) -> Audit | None:
    """What people's judgements make of the scores; None where there are no judgements."""
    scores = state.final_scores(candidate)
    reviews = [review for review in state.reviews if review.candidate == candidate]
    if scores is None or scores.accuracy is None or not reviews:
        return None
    judged = [
        Judged(r.row, r.stratum, r.stratum_size, r.reviewer, cast(Judgement, r.judgement))
        for r in reviews
    ]
    return audit(judged, scores.n, scores.accuracy.value, scores.accuracy.confidence)


def _candidate_status(steps: Sequence[Step]) -> str:
    """The blueprint's words: pending, running-evals, completed, failed, cancelled."""
    tried = [s for s in steps if s.kind == "trial" and s.status in TERMINAL]
    # A trial that has failed leaves others to choose from: `select` says what came of them.
    statuses = {s.status for s in steps if s.kind in PLATFORM_KINDS | {"select"} and s not in tried}
    if "failed" in statuses:
        return "failed"
    if statuses <= TERMINAL:
        return "completed" if statuses == {"completed"} else "cancelled"
    return "pending" if statuses == {"pending"} and not tried else "running-evals"


def _evaluation(state: RunState, candidate: Candidate, step: Step) -> EvaluationView:
    scores = state.scores(candidate.name, step.kind)
    return EvaluationView.model_validate(
        {
            "eval_type": step.kind,
            "scores": {} if scores is None else flat_scores(scores),
            "started_at": step.started_at,
            "finished_at": step.finished_at,
            "runtime_seconds": _runtime(step),
            "progress": step.percent,
            "error": step.error,
            "status": step.status,
            "measures": _MEASURES.get(step.kind, candidate.base_label),
            "mlflow_uri": state.tracked(candidate.name, step.kind),
            "detail": scores,
        }
    )


def flat_scores(scores: Scores) -> dict[str, float]:
    """The blueprint's plain scores; `f1_score` is macro-F1 here, `token_f1` NeMo's `f1`.

    What was not measured is left out.
    """
    judge = scores.judge
    by_judge = None if judge is None or judge.mean is None else judge.mean.value
    measured: dict[str, float | None] = {
        "macro_f1": _value(scores.macro_f1),
        "f1_score": _value(scores.macro_f1),
        "weighted_f1": _value(scores.weighted_f1),
        "accuracy": _value(scores.accuracy),
        "balanced_accuracy": scores.balanced_accuracy,
        "token_f1": scores.token_f1,
        "function_name_accuracy": _value(scores.of("function_names")),
        "function_name_and_args_accuracy": _value(scores.of("tool_calls")),
        "tool_calling_correctness": by_judge if scores.workload_type == "tool_calling" else None,
        "similarity": _value(scores.of("similarity")),
        "unparseable_share": scores.unparseable_share,
    }
    return {name: value for name, value in measured.items() if value is not None}


def _value(interval: Interval | None) -> float | None:
    return None if interval is None else interval.value


def _customization(state: RunState, candidate: Candidate, step: Step) -> CustomizationView:
    artifact = state.artifact(candidate.name)
    return CustomizationView.model_validate(
        {
            "started_at": step.started_at,
            "finished_at": step.finished_at,
            "runtime_seconds": _runtime(step),
            "progress": step.percent,
            "error": step.error,
            "status": step.status,
            "message": step.message,
            "customized_model": None if artifact is None else artifact.uri,
            "digest": None if artifact is None else artifact.digest,
        }
    )


def _runtime(step: Step, now: datetime | None = None) -> float:
    """Seconds from start to end, or to now where it has not ended."""
    if step.started_at is None:
        return 0.0
    return ((step.finished_at or now or utc_now()) - step.started_at).total_seconds()
