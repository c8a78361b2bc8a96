"""How far a run is: one line per candidate, in words first."""

from collections.abc import Sequence

from bot.views.text import code, mrkdwn
from flywheel.views import CandidateView, RunView, StepView

_STAGES = {
    "customize": "fine-tuning",
    "trial": "trial",
    "select": "choosing the best trial",
    "base-eval": "base evaluation",
    "icl-eval": "in-context evaluation",
    "customized-eval": "evaluation",
    "incumbent-eval": "evaluation of the incumbent",
    "build-datasets": "building the datasets",
    "upload-datasets": "uploading the datasets",
    "deploy": "deployment",
    "undeploy": "taking it down",
    "deploy-judge": "deploying the judge",
    "undeploy-judge": "taking the judge down",
    "judge": "judging the answers",
    "decide": "applying the policy",
    "summarise": "writing the summary",
    "receipt": "signing the receipt",
}
_ENDED = frozenset({"completed", "failed", "skipped", "cancelled"})
_BAR = 10


def bar(percent: float) -> str:
    """A bar of ten characters."""
    filled = round(max(0.0, min(100.0, percent)) / 100 * _BAR)
    return "█" * filled + "░" * (_BAR - filled)


def percent_done(steps: Sequence[StepView]) -> float:
    """Mean progress of steps in percent; what has ended counts as 100."""
    if not steps:
        return 0.0
    return sum(100.0 if s.status in _ENDED else s.percent for s in steps) / len(steps)


def run_percent(view: RunView) -> int:
    """Progress of the whole run in percent, 100 only at its end."""
    done = int(percent_done(view.steps))
    return done if view.status == "completed" else min(done, 99)


def candidate_lines(view: RunView) -> list[str]:
    """One line of mrkdwn per candidate: a bar, the percent and what is being done."""
    return [_candidate_line(view, candidate) for candidate in view.nims]


def run_step_line(view: RunView) -> str | None:
    """What the run as a whole is doing, where that is not a candidate's step."""
    for step in view.steps:
        if step.candidate or step.status != "running":
            continue
        return f"{_stage(step).capitalize()}{_detail(step)}"
    return None


def doing_now(view: RunView) -> list[str]:
    """What runs at this moment, escaped: 'tfidf-svm fine-tuning 40 %'."""
    return [
        f"{mrkdwn(step.candidate, 60)} {_stage(step)}{_detail(step)}".strip()
        if step.candidate
        else f"{_stage(step)}{_detail(step)}"
        for step in view.steps
        if step.status == "running"
    ]


def _candidate_line(view: RunView, candidate: CandidateView) -> str:
    steps = [step for step in view.steps if step.candidate == candidate.model_name]
    percent = int(percent_done(steps))
    return (
        f"`{bar(percent)}` {percent} % {code(candidate.model_name, 80)}: {_doing(candidate, steps)}"
    )


def _doing(candidate: CandidateView, steps: Sequence[StepView]) -> str:
    failed = next((s for s in steps if s.status == "failed" and s.trial is None), None)
    if candidate.error or failed is not None:
        reason = candidate.error or (failed.error if failed else "") or "no reason was given"
        return f"failed: {mrkdwn(reason, 300)}"
    running = [step for step in steps if step.status == "running"]
    if running:
        return ", ".join(f"{_stage(step)}{_detail(step)}" for step in running)
    if candidate.customized is not None:
        found = candidate.customized.headline
        return "answered, not judged" if found is None else f"scored, {found.brief}"
    if any(step.status == "cancelled" for step in steps):
        return "cancelled"
    if steps and all(step.status in _ENDED for step in steps):
        return "done"
    return next(
        (mrkdwn(s.message, 200) for s in steps if s.status == "pending" and s.message), "waiting"
    )


def _stage(step: StepView) -> str:
    stage = _STAGES.get(step.kind, step.kind.replace("-", " "))
    return stage if step.trial is None else f"{stage} {step.trial}"


def _detail(step: StepView) -> str:
    return f" {step.percent:.0f} %" if step.percent else ""
