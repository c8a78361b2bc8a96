"""Answers about data: how many records there are, what became of them, which classes."""

from datetime import datetime

from flywheel.datasets.report import DatasetReport
from flywheel.formatting import count, when
from flywheel.insights.phrases import named, reply, show
from flywheel.insights.topic import Topic
from flywheel.insights.trouble import listed
from flywheel.insights.values import quotation
from flywheel.ports.logs import WorkloadSummary
from flywheel.views import Answer, RunView

_MOST_WORKLOADS = 8


def data(topic: Topic) -> Answer:
    """What the log holds and what the run made of it."""
    run = topic.run_with(lambda r: r.dataset_report is not None)
    workload = next(iter(topic.named_workloads), None)
    if workload is None and run is not None:
        workload = run.workload_id
    summaries = [s for s in topic.workloads if s.workload_id == workload]
    if workload is None or _asks_for_all(topic):
        return _workloads(topic)
    lines = [_in_the_log(workload, summaries)]
    report = run.dataset_report if run else None
    if run is not None and run.workload_id == workload and report is not None:
        lines += _in_the_run(run, report)
        sources = show(run)
    else:
        sources = []
    return reply(*lines, sources=[*sources, "flywheel logs workloads"])


def labels(topic: Topic) -> Answer:
    """Which classes (or tools) a run has, most frequent first."""
    run = topic.run_with(lambda r: r.dataset_report is not None)
    report = run.dataset_report if run else None
    if run is None or report is None or not report.classes:
        return data(topic)
    told = [f"{label} ({count(c.usable)})" for label, c in report.classes.items()]
    what = "tools" if report.workload_type == "tool_calling" else "classes"
    return reply(
        f"{named(run)} has {count(len(told))} {what}, with their usable records: {listed(told)}.",
        sources=show(run),
    )


def _asks_for_all(topic: Topic) -> bool:
    return "workloads" in topic.question.words and not topic.named_workloads


def _workloads(topic: Topic) -> Answer:
    names = sorted({summary.workload_id for summary in topic.workloads})
    lines = [
        _in_the_log(name, [s for s in topic.workloads if s.workload_id == name])
        for name in names[:_MOST_WORKLOADS]
    ]
    if not names:
        lines = ["The log is empty. Bring records in: flywheel logs import FILE"]
    return reply(*lines, sources=["flywheel logs workloads"])


def _in_the_log(workload: str, summaries: list[WorkloadSummary]) -> str:
    if not summaries:
        return f"The log holds no records of {workload}."
    records = sum(summary.records for summary in summaries)
    first: datetime = min(summary.first for summary in summaries)
    last: datetime = max(summary.last for summary in summaries)
    clients = sorted({summary.client_id for summary in summaries})
    return (
        f"The log holds *{count(records)}* records of {workload} (clients: {listed(clients)}), "
        f"from {when(first)} to {when(last)}."
    )


def _in_the_run(run: RunView, report: DatasetReport) -> list[str]:
    dropped = {
        "invalid": report.invalid,
        "of another kind": report.wrong_type,
        "without a label": report.unlabeled,
        "duplicates": report.duplicates,
        "near-duplicates": report.near_duplicates,
        "with contradicting labels": 0 if report.conflicts is None else report.conflicts.dropped,
    }
    left_out = ", ".join(f"{count(n)} {what}" for what, n in dropped.items() if n)
    frequent = list(report.classes.items())
    lines = [
        f"{named(run)} read {count(report.read)} of them{_and(left_out)}.",
        f"*{count(report.usable)}* were usable: {_split(report)}.",
        f"They are of {count(len(frequent))} classes.",
    ]
    if len(frequent) > 1:
        (most, most_counts), (least, least_counts) = frequent[0], frequent[-1]
        lines.append(
            f"Most frequent: {most} ({count(most_counts.usable)}); "
            f"rarest: {least} ({count(least_counts.usable)})."
        )
    if report.conflicting:
        lines.append(f"{count(report.conflicting)} duplicates contradict the label of another.")
    return [*lines, *map(quotation, report.notes[:3])]


def _and(left_out: str) -> str:
    return f" and left out {left_out}" if left_out else ""


def _split(report: DatasetReport) -> str:
    return (
        f"{count(report.eval)} for evaluation, {count(report.train)} for training, "
        f"{count(report.val)} for validation"
    )
