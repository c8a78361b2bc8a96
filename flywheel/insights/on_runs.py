"""Answers about runs and promotions: what is going on, how long it took, who decided."""

import re
from datetime import datetime

from flywheel.clock import utc_now
from flywheel.formatting import ahead, count, duration, when
from flywheel.insights.moments import Span
from flywheel.insights.names import find
from flywheel.insights.phrases import doing_now, headline, named, reply, show
from flywheel.insights.summary import summarise
from flywheel.insights.topic import Topic
from flywheel.insights.trouble import no_runs
from flywheel.insights.values import quotation
from flywheel.views import Answer, PromotionView, RunView

_ACTIVE = {"pending", "running", "cancelling"}
_MOST_LISTED = 5
_END = re.compile(r"\b(will|eta|left|remaining|when|until)\b")
_BEGIN = re.compile(r"\b(start(ed)?|begin|began|begun|kicked off)\b")
_UNKNOWN_END = "How long it will still take is not known."


def status(topic: Topic) -> Answer:
    """How the named run stands, or everything that is running."""
    focus = [topic.focus] if topic.focus and topic.focus.status in _ACTIVE else []
    active = [run for run in topic.candidate_runs if run.status in _ACTIVE]
    shown = topic.named_runs or focus or active
    if shown:
        unfinished = any(run.status in _ACTIVE for run in shown)
        asked = unfinished and _END.search(topic.question.text) is not None
        answer = _statuses(shown, asks_for_the_end=asked)
        started = shown[0].started_at
        if (
            started is None
            or shown[0].finished_at is None
            or not _BEGIN.search(topic.question.text)
        ):
            return answer
        return answer.model_copy(update={"text": f"{answer.text}\nStarted: {when(started)}."})
    last = topic.run_with(lambda _run: True)
    if last is None:
        return no_runs(topic)
    answer = _statuses([last])
    return answer.model_copy(update={"text": f"Nothing is running.\n{answer.text}"})


def _statuses(runs: list[RunView], *, asks_for_the_end: bool = False) -> Answer:
    lines: list[str] = []
    for run in runs[:_MOST_LISTED]:
        lines += _status(run) if len(runs) <= 2 else _status(run)[:1]
    if asks_for_the_end and all(run.expected_end is None for run in runs):
        lines.append(_UNKNOWN_END)
    return reply(*lines, sources=show(*runs[:_MOST_LISTED]))


def _status(run: RunView) -> list[str]:
    lines = [f"*{named(run)}* {_time(run, utc_now())}. Asked for by {run.requested_by}."]
    done = sum(step.status in {"completed", "skipped"} for step in run.steps)
    if run.status in _ACTIVE and run.steps:
        now = doing_now(run)
        lines.append(
            f"{count(done)} of {count(len(run.steps))} steps are done"
            + (f"; now: {now}." if now else ".")
        )
    if run.expected_end is not None:
        lines.append(f"It should end {ahead(run.expected_end, utc_now())}.")
    return lines + _errors(run)[:3]


def _time(run: RunView, now: datetime) -> str:
    """'is running since … (4 min)' or 'completed at … after 3 min 5 s'."""
    if run.started_at is None:
        return f"is {run.status}"
    if run.finished_at is None:
        so_far = duration((now - run.started_at).total_seconds())
        return f"is {run.status}, started {when(run.started_at)} ({so_far} ago)"
    took = duration((run.finished_at - run.started_at).total_seconds())
    ended = "was cancelled" if run.status == "cancelled" else run.status
    return f"{ended} at {when(run.finished_at)} after {took}"


def failures(topic: Topic) -> Answer:
    """What went wrong in the named run, or lately."""
    runs = topic.named_runs or ([topic.focus] if topic.focus else topic.candidate_runs)
    if not runs:
        return no_runs(topic)
    failed = [run for run in runs if _errors(run)]
    if not failed:
        where = named(runs[0]) if len(runs) == 1 else "the latest runs"
        return reply(f"Nothing failed in {where}.", sources=show(*runs[:1]))
    lines: list[str] = []
    for run in failed[:_MOST_LISTED]:
        lines += [f"*{named(run)}* is {run.status}.", *_errors(run)[:3]]
    return reply(*lines[:12], sources=show(*failed[:_MOST_LISTED]))


def _errors(run: RunView) -> list[str]:
    lines = [f"Error: {run.error}"] if run.error else []
    failed = [c for c in run.nims if c.error and c.error not in (run.error or "")]
    return lines + [f"{c.model_name} failed: {c.error}" for c in failed]


def promoted(topic: Topic) -> Answer:
    """Which model serves which workload, and who approved it."""
    wanted = topic.named_workloads
    named_models = [p.model_name for p in topic.incumbents]
    models = find(topic.question.words, named_models, by_parts=True, taken=topic.used).names
    shown = [
        p
        for p in topic.incumbents
        if (not wanted or p.workload_id in wanted) and (not models or p.model_name in models)
    ] or [p for p in topic.incumbents if p.workload_id in wanted]
    lines: list[str] = []
    for promotion in shown[:_MOST_LISTED]:
        lines += _promotion(topic, promotion, short=len(shown) > 2)
    if not shown:
        where = f" for {wanted[0]}" if wanted else ""
        lines.append(f"No model is promoted{where}; the teacher serves.")
    waiting = [run for run in topic.candidate_runs if run.approval_id]
    lines += [f"{named(run)} waits for somebody to approve it." for run in waiting[:3]]
    origins = [run for p in shown[:2] if (run := topic.find_run(p.run_id))] if shown else []
    sources = ["flywheel incumbents", *show(*(origins if len(shown) <= 2 else []), *waiting[:3])]
    return reply(*lines, sources=sources)


def waiting(topic: Topic) -> Answer:
    """Which promotions people have yet to approve."""
    runs = topic.named_runs or topic.candidate_runs
    asked = [run for run in runs if run.approval is not None or run.approval_id]
    if not asked:
        where = f" for {named(runs[0])}" if topic.named_runs else ""
        return reply(f"Nothing waits for an approval{where}.", sources=show(*runs[:1]))
    return reply(*map(_asked, asked[:_MOST_LISTED]), sources=show(*asked[:_MOST_LISTED]))


def _asked(run: RunView) -> str:
    said, asked = run.recommendation, run.approval
    model = f" to take over with {said.model_name}" if said and said.model_name else ""
    line = f"*{named(run)}* waits for somebody to approve it{model}."
    if asked is None:
        return line
    so_far = f" So far: {', '.join(asked.approved_by)}." if asked.approved_by else ""
    return f"{line} Approvals: {len(asked.approved_by)} of {asked.needed}.{so_far}"


def _promotion(topic: Topic, promotion: PromotionView, *, short: bool) -> list[str]:
    approved = f"approved by {promotion.approved_by} on {when(promotion.approved_at)}"
    serves = f"*{promotion.model_name}* of {promotion.run_id} serves {promotion.workload_id}"
    lines = [f"{serves}: {approved}."]
    if short:
        return lines
    run = topic.find_run(promotion.run_id)
    for candidate in run.nims if run else []:
        if candidate.model_name == promotion.model_name and candidate.customized:
            lines.append(f"It scored {headline(candidate.customized)}.")
    if promotion.reason:
        lines.append(f"Reason given: {quotation(promotion.reason)}")
    if promotion.replaced:
        lines.append(f"It replaced {promotion.replaced}.")
    return lines


def overview(topic: Topic) -> Answer:
    """The outcome of a run in words."""
    run = topic.run_with(lambda r: r.recommendation is not None)
    if run is None:
        return no_runs(topic)
    if run.status in _ACTIVE:
        return _statuses([run])
    ended = _time(run, utc_now()) if run.finished_at else f"is {run.status}"
    return reply(f"*{named(run)}* {ended}.", summarise(run), sources=show(run))


def recent(topic: Topic) -> Answer:
    """The newest runs, one line each."""
    span = topic.span
    runs = [run for run in topic.candidate_runs if span is None or _went_on(run, span)][:8]
    if not runs and topic.candidate_runs and span is not None:
        last = topic.candidate_runs[0]
        return reply(
            "No run went on at that time.", f"The last one is {named(last)}.", sources=show(last)
        )
    if not runs:
        return no_runs(topic)
    return reply(
        *(f"*{named(run)}*: {run.status}{_verdict(run)}" for run in runs),
        sources=["flywheel runs", *(show(*runs) if span else [])],
    )


def _went_on(run: RunView, span: Span) -> bool:
    started, finished = run.started_at or run.created_at, run.finished_at
    return started < span.end and (finished is None or finished >= span.start)


def _verdict(run: RunView) -> str:
    said = run.recommendation
    return f", {said.verdict} ({said.model_name})" if said else ""
