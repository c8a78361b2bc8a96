"""Every number of a run."""

from collections.abc import Iterator
from decimal import Decimal

from flywheel.datasets.report import DatasetReport
from flywheel.decisions.verdict import CandidateVerdict
from flywheel.evaluation.headline import METRICS_OF, NAMES, Metric
from flywheel.evaluation.paired import Difference
from flywheel.evaluation.scores import Interval, Scores
from flywheel.formatting import count, duration, money, percent, score, when
from flywheel.insights.values.money import cost_of, currency_of
from flywheel.insights.values.value import Value, Values, ValuesOf, collected
from flywheel.views import CandidateView, RunView

# What the numbers of dataset building are called, by their names in ids.
_OF_RECORDS = {
    "read": "records read",
    "usable": "usable records",
    "train": "training records",
    "val": "validation records",
    "eval": "evaluation records",
    "duplicates": "duplicates",
    "near_duplicates": "near-duplicates",
    "invalid": "invalid records",
    "unlabeled": "records without a label",
    "conflicting": "records with contradicting labels",
}


def run_values(view: RunView) -> Values:
    """Every number of a run."""
    return collected(_run(view))


def _run(view: RunView) -> Iterator[Value]:
    make = ValuesOf(view.id)
    if view.started_at is not None:
        yield make(f"{view.id}/started", "start", when(view.started_at))
    if view.finished_at is not None:
        yield make(f"{view.id}/finished", "end", when(view.finished_at))
        if view.started_at is not None:
            took = (view.finished_at - view.started_at).total_seconds()
            yield make(f"{view.id}/took", "duration", duration(took), took, "s")
    if view.recommendation is not None:
        yield make(f"{view.id}/reason", "reason of the verdict", view.recommendation.reason)
    if view.error:
        yield make(f"{view.id}/error", "error", view.error, quoted=True)
    if view.expected_end is not None:
        yield make(f"{view.id}/expected_end", "expected end", when(view.expected_end))
    if view.steps:
        done = sum(step.status in {"completed", "skipped"} for step in view.steps)
        yield make(f"{view.id}/steps_done", "steps done", count(done), done)
        yield make(f"{view.id}/steps", "steps", count(len(view.steps)), len(view.steps))
    if view.dataset_report is not None:
        yield from _data(view, view.dataset_report)
    yield from _teacher(view)
    if view.compared is not None and view.compared.scores is not None:
        yield from _scores(view, "incumbent", view.compared.name, view.compared.scores)
    for candidate in view.nims:
        yield from _candidate(view, candidate)


def _data(view: RunView, report: DatasetReport) -> Iterator[Value]:
    make = ValuesOf(view.id)
    for name, measure in _OF_RECORDS.items():
        key, number = "records" if name == "read" else name, getattr(report, name)
        yield make(f"{view.id}/{key}", measure, count(number), number)
    for label, counts in report.classes.items():
        for part in ("usable", "train", "val", "eval"):
            number = getattr(counts, part)
            value_id = f"{view.id}/class/{label}/{part}"
            yield make(value_id, _OF_RECORDS[part], count(number), number, also=(label,))


def _teacher(view: RunView) -> Iterator[Value]:
    teacher = view.teacher
    if teacher is None:
        return
    make, start = ValuesOf(view.id, (teacher.model_name,)), f"{view.id}/teacher"
    if teacher.seconds is not None:
        yield make(f"{start}/seconds", *_seconds("time per request", teacher.seconds))
    if teacher.cost_per_1000 is not None:
        yield make(f"{start}/cost_per_1000", *_per_1000("cost", teacher.cost_per_1000, view))
    for part in ("input", "output"):
        tokens = getattr(teacher, f"{part}_tokens")
        if tokens is not None:
            yield make(
                f"{start}/{part}_tokens", f"{part} tokens per request", f"{tokens:,.0f}", tokens
            )


def _candidate(view: RunView, candidate: CandidateView) -> Iterator[Value]:
    name = candidate.model_name
    if candidate.error:
        make = ValuesOf(view.id, (name,))
        yield make(f"{view.id}/{name}/error", "error", candidate.error, quoted=True)
    if candidate.base is not None:
        for metric, shown, found in _metrics(candidate.base):
            measure = f"{NAMES[metric]} before fine-tuning"
            make = ValuesOf(view.id, (name,))
            yield make(f"{view.id}/{name}/base/{metric}", measure, shown, found.value)
    if candidate.customized is not None:
        yield from _scores(view, name, name, candidate.customized)
    for verdict in view.recommendation.candidates if view.recommendation else ():
        if verdict.model_name == name:
            yield from _verdict(view, verdict)
    teacher = view.teacher.cost_per_1000 if view.teacher else None
    cost = cost_of(view, name)
    if teacher is not None and cost is not None:
        make, saved = ValuesOf(view.id, (name,)), teacher - cost
        yield make(f"{view.id}/{name}/saving_per_1000", *_per_1000("saving", saved, view))
        if teacher:
            share = saved / teacher
            measure = "saving, of the teacher's cost"
            yield make(f"{view.id}/{name}/saving_share", measure, percent(float(share)), share)


def _scores(view: RunView, key: str, name: str, scores: Scores) -> Iterator[Value]:
    make, start = ValuesOf(view.id, (name,)), f"{view.id}/{key}"
    for metric, shown, found in _metrics(scores):
        bounds = found.low, found.high
        yield make(f"{start}/{metric}", NAMES[metric], shown, found.value, bounds=bounds)
    if (balanced := scores.balanced_accuracy) is not None:
        yield make(f"{start}/balanced_accuracy", "balanced accuracy", f"{balanced:.3f}", balanced)
    yield make(f"{start}/n", "evaluation records", count(scores.n), scores.n)
    yield make(f"{start}/seconds", *_seconds("time per request", scores.seconds))
    if scores.seconds_p95 is not None:
        yield make(f"{start}/p95", *_seconds("95th percentile of the time", scores.seconds_p95))
    if scores.cost_per_1000 is not None:
        yield make(f"{start}/cost_per_1000", *_per_1000("cost", scores.cost_per_1000, view))
    unread = scores.unparseable
    yield make(f"{start}/unparseable", "unreadable answers", count(unread), unread)
    yield from _classes(make, start, scores)
    yield from _confusion(make, start, scores)
    for tool in scores.tools.per_tool if scores.tools else ():
        recall, calls, also = tool.exact_recall, tool.support, (tool.tool,)
        shown = f"{recall:.3f} (n {count(calls)})"
        yield make(f"{start}/tool/{tool.tool}/exact_recall", "exact calls", shown, recall, "", also)
        yield make(f"{start}/tool/{tool.tool}/support", "calls", count(calls), calls, "", also)


def _classes(make: ValuesOf, start: str, scores: Scores) -> Iterator[Value]:
    for row in scores.per_class:
        also, of_class = (row.label,), f"{start}/class/{row.label}"
        for part in ("f1", "precision", "recall"):
            number = getattr(row, part)
            shown = f"{number:.3f} (n {count(row.support)})"
            yield make(
                f"{of_class}/{part}", "F1" if part == "f1" else part, shown, number, "", also
            )
        said = "evaluation records of the class"
        yield make(f"{of_class}/support", said, count(row.support), row.support, "", also)


def _confusion(make: ValuesOf, start: str, scores: Scores) -> Iterator[Value]:
    labels = scores.confusion.labels
    for label, row in zip(labels, scores.confusion.counts, strict=True):
        for other, number in zip(labels, row, strict=True):
            if number and other != label:
                yield make(
                    f"{start}/taken_for/{label}/{other}",
                    f"records of {label} taken for {other}",
                    count(number),
                    number,
                    also=(label, other),
                )


def _metrics(scores: Scores) -> Iterator[tuple[Metric, str, Interval]]:
    for metric in METRICS_OF[scores.workload_type]:
        interval = scores.of(metric)
        if interval is not None:
            judged = scores.judge if metric == "similarity" else None
            yield metric, score(interval, judged.scored if judged else scores.n), interval


def _verdict(view: RunView, said: CandidateVerdict) -> Iterator[Value]:
    make, start = ValuesOf(view.id, (said.model_name,)), f"{view.id}/{said.model_name}"
    reference = view.recommendation.reference if view.recommendation else "the teacher"
    yield make(f"{start}/reason", "reason of the verdict", said.reason)
    if (found := said.difference) is not None:
        measure = f"{NAMES[found.metric]}, difference to {reference}"
        yield make(f"{start}/difference", measure, difference_words(found), found.value)
    if (p := said.p_adjusted) is not None:
        yield make(f"{start}/p_adjusted", "adjusted p-value", f"{p:.3g}", p)
    if (needed := said.records_needed) is not None:
        measure = "evaluation records that would decide"
        yield make(f"{start}/records_needed", measure, count(needed), needed)


def difference_words(found: Difference) -> str:
    """'-0.012 (95 % -0.041 to +0.017, n 400; not significant)'"""
    bounds = f"{percent(found.confidence)} {found.low:+.3f} to {found.high:+.3f}"
    words = "significant" if found.low > 0 or found.high < 0 else "not significant"
    return f"{found.value:+.3f} ({bounds}, n {count(found.n)}; {words})"


def _per_1000(what: str, amount: Decimal, view: RunView) -> tuple[str, str, Decimal, str]:
    currency = currency_of(view)
    shown = f"{money(amount, currency).strip()} per 1,000 requests"
    return f"{what} per 1,000 requests", shown, amount, currency


def _seconds(measure: str, seconds: float) -> tuple[str, str, float, str]:
    return measure, duration(seconds), seconds, "s"
