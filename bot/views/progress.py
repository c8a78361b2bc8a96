"""How far a run is: one line per candidate, in words first."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.views.text import code, mrkdwn
from flywheel.formatting import count, duration, ordinal
from flywheel.views import CandidateView, RunView, StepView, WaitsView

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
_FITTING = 20  # candidates whose lines surely fit into a message
_RUNS = 3  # that hold what is waited for
_MINUTE = timedelta(minutes=1)
_POOLS = {
    "gpus": "GPUs",
    "training": "GPUs for fine-tuning",
    "inference": "GPUs for deployments",
    "jobs": "room",
    "judge": "the judge",
}
# What platforms say of a job that goes on, and the stage says already.
_NO_NEWS = frozenset({"", "training", "running", "active", "created", "pending"})


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


def candidate_lines(view: RunView, now: datetime) -> list[str]:
    """One line of mrkdwn per candidate: a bar, the percent and what is being done.

    Of more than fit into a message, those that something happens to come first.
    """
    steps: dict[str, list[StepView]] = {candidate.model_name: [] for candidate in view.nims}
    for step in view.steps:
        if step.candidate in steps:
            steps[step.candidate].append(step)
    candidates = list(view.nims)
    if len(candidates) > _FITTING:
        candidates.sort(key=lambda c: _rank(c, steps[c.model_name]))
    return [_candidate_line(c, steps[c.model_name], now) for c in candidates]


def _rank(candidate: CandidateView, steps: Sequence[StepView]) -> int:
    if any(step.status == "running" for step in steps):
        return 0
    return 1 if candidate.error else 2


def run_step_line(view: RunView, now: datetime) -> str | None:
    """What the run as a whole is doing, where that is not a candidate's step."""
    for step in view.steps:
        if step.candidate or step.status != "running":
            continue
        line = f"{stage_of(step)}{_detail(step)}{_left(step, now)}"
        return f"{line[:1].upper()}{line[1:]}"
    return None


def doing_now(view: RunView) -> list[str]:
    """What runs at this moment, escaped: 'tfidf-svm fine-tuning 40 %'."""
    return [
        f"{mrkdwn(step.candidate, 60)} {stage_of(step)}{_percent(step)}".strip()
        if step.candidate
        else f"{stage_of(step)}{_percent(step)}"
        for step in view.steps
        if step.status == "running"
    ]


def _candidate_line(candidate: CandidateView, steps: Sequence[StepView], now: datetime) -> str:
    percent = int(percent_done(steps))
    doing = _doing(candidate, steps, now)
    return f"`{bar(percent)}` {percent} % {code(candidate.model_name, 80)}: {doing}"


def _doing(candidate: CandidateView, steps: Sequence[StepView], now: datetime) -> str:
    failed = next((s for s in steps if s.status == "failed" and s.trial is None), None)
    if candidate.error or failed is not None:
        reason = candidate.error or (failed.error if failed else "") or "no reason was given"
        what = "failed" if failed is None else f"{stage_of(failed)} failed"
        return f"{what}: {mrkdwn(reason, 300)}"
    running = [step for step in steps if step.status == "running"]
    if running:
        return ", ".join(f"{stage_of(s)}{_detail(s)}{_left(s, now)}" for s in running)
    if candidate.customized is not None:
        found = candidate.customized.headline
        return "answered, not judged" if found is None else f"scored, {found.brief}"
    if any(step.status == "cancelled" for step in steps):
        return "cancelled"
    if steps and all(step.status in _ENDED for step in steps):
        return "done"
    return _waiting(steps, now)


def _waiting(steps: Sequence[StepView], now: datetime) -> str:
    waiting = [step for step in steps if step.status == "pending"]
    held = next((step for step in waiting if step.waits is not None), None)
    if held is not None and held.waits is not None:
        return f"{_waits(held.waits)}{_starts(held, now)}"
    return next((mrkdwn(s.message, 200) for s in waiting if s.message), "waiting")


def _waits(waits: WaitsView) -> str:
    """'waits for GPUs held by r-4; 2nd in line'."""
    held = ", ".join(waits.held_by[:_RUNS])
    if len(waits.held_by) > _RUNS:
        held += f" and {count(len(waits.held_by) - _RUNS)} more"
    pool = _POOLS.get(waits.pool, mrkdwn(waits.pool, 40))
    return f"waits for {pool} held by {held}; {ordinal(waits.place)} in line"


def _starts(step: StepView, now: datetime) -> str:
    if step.expected_start is None or step.expected_start <= now + _MINUTE:
        return ""
    return f", starts in about {_minutes(step.expected_start - now)}"


def _left(step: StepView, now: datetime) -> str:
    """', about 12 min left'; nothing where that cannot be told, or is no time at all."""
    if step.expected_end is None or step.expected_end <= now + _MINUTE:
        return ""
    return f", about {_minutes(step.expected_end - now)} left"


def _minutes(span: timedelta) -> str:
    return duration(round(span / _MINUTE) * 60)


def stage_of(step: StepView) -> str:
    """What a step does, in words: 'fine-tuning', 'trial 3'."""
    stage = _STAGES.get(step.kind, step.kind.replace("-", " "))
    return stage if step.trial is None else f"{stage} {step.trial}"


def _percent(step: StepView) -> str:
    return f" {step.percent:.0f} %" if step.percent else ""


def _detail(step: StepView) -> str:
    """The percent, and what the platform says of it: ' 40 % (2 of 3 epochs done)'."""
    said = "" if step.message in _NO_NEWS else f" ({mrkdwn(step.message, 120)})"
    return f"{_percent(step)}{said}"
