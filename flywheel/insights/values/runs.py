"""Every number of a run."""

from collections.abc import Iterator
from decimal import Decimal

from flywheel.datasets.report import DatasetReport
from flywheel.decisions.verdict import CandidateVerdict
from flywheel.evaluation.headline import METRICS_OF, NAMES, Metric
from flywheel.evaluation.paired import Difference
from flywheel.evaluation.scores import Scores
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
            yield make(f"{view.id}/took", "duration", duration(took))
    if view.expected_end is not None:
        yield make(f"{view.id}/expected_end", "expected end", when(view.expected_end))
    if view.steps:
        done = sum(step.status in {"completed", "skipped"} for step in view.steps)
        yield make(f"{view.id}/steps_done", "steps done", count(done))
        yield make(f"{view.id}/steps", "steps", count(len(view.steps)))
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
        key = "records" if name == "read" else name
        yield make(f"{view.id}/{key}", measure, count(getattr(report, name)))
    for label, counts in report.classes.items():
        for part in ("usable", "train", "val", "eval"):
            yield make(
                f"{view.id}/class/{label}/{part}",
                _OF_RECORDS[part],
                count(getattr(counts, part)),
                label,
            )


def _teacher(view: RunView) -> Iterator[Value]:
    teacher = view.teacher
    if teacher is None:
        return
    make, start = ValuesOf(view.id, (teacher.model_name,)), f"{view.id}/teacher"
    if teacher.seconds is not None:
        yield make(f"{start}/seconds", "time per request", duration(teacher.seconds))
    if teacher.cost_per_1000 is not None:
        yield make(f"{start}/cost_per_1000", *_per_1000("cost", teacher.cost_per_1000, view))
    for part in ("input", "output"):
        tokens = getattr(teacher, f"{part}_tokens")
        if tokens is not None:
            yield make(f"{start}/{part}_tokens", f"{part} tokens per request", f"{tokens:,.0f}")


def _candidate(view: RunView, candidate: CandidateView) -> Iterator[Value]:
    name = candidate.model_name
    if candidate.base is not None:
        for metric, shown in _metrics(candidate.base):
            measure = f"{NAMES[metric]} before fine-tuning"
            yield ValuesOf(view.id, (name,))(f"{view.id}/{name}/base/{metric}", measure, shown)
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
            share = percent(float(saved / teacher))
            yield make(f"{view.id}/{name}/saving_share", "saving, of the teacher's cost", share)


def _scores(view: RunView, key: str, name: str, scores: Scores) -> Iterator[Value]:
    make, start = ValuesOf(view.id, (name,)), f"{view.id}/{key}"
    for metric, shown in _metrics(scores):
        yield make(f"{start}/{metric}", NAMES[metric], shown)
    if scores.balanced_accuracy is not None:
        balanced = f"{scores.balanced_accuracy:.3f}"
        yield make(f"{start}/balanced_accuracy", "balanced accuracy", balanced)
    yield make(f"{start}/n", "evaluation records", count(scores.n))
    yield make(f"{start}/seconds", "time per request", duration(scores.seconds))
    if scores.seconds_p95 is not None:
        yield make(f"{start}/p95", "95th percentile of the time", duration(scores.seconds_p95))
    if scores.cost_per_1000 is not None:
        yield make(f"{start}/cost_per_1000", *_per_1000("cost", scores.cost_per_1000, view))
    yield make(f"{start}/unparseable", "unreadable answers", count(scores.unparseable))
    for row in scores.per_class:
        for measure in ("f1", "precision", "recall"):
            shown = f"{getattr(row, measure):.3f} (n {count(row.support)})"
            said = "F1" if measure == "f1" else measure
            yield make(f"{start}/class/{row.label}/{measure}", said, shown, row.label)
        yield make(
            f"{start}/class/{row.label}/support",
            "evaluation records of the class",
            count(row.support),
            row.label,
        )
    yield from _confusion(make, start, scores)
    for tool in scores.tools.per_tool if scores.tools else ():
        shown = f"{tool.exact_recall:.3f} (n {count(tool.support)})"
        yield make(f"{start}/tool/{tool.tool}/exact_recall", "exact calls", shown, tool.tool)
        yield make(f"{start}/tool/{tool.tool}/support", "calls", count(tool.support), tool.tool)


def _confusion(make: ValuesOf, start: str, scores: Scores) -> Iterator[Value]:
    labels = scores.confusion.labels
    for label, row in zip(labels, scores.confusion.counts, strict=True):
        for other, number in zip(labels, row, strict=True):
            if number and other != label:
                yield make(
                    f"{start}/taken_for/{label}/{other}",
                    "records taken for another class",
                    count(number),
                    label,
                    other,
                )


def _metrics(scores: Scores) -> Iterator[tuple[Metric, str]]:
    for metric in METRICS_OF[scores.workload_type]:
        interval = scores.of(metric)
        if interval is not None:
            judged = scores.judge is not None and metric == "similarity"
            yield (
                metric,
                score(interval, scores.judge.scored if judged and scores.judge else scores.n),
            )


def _verdict(view: RunView, verdict: CandidateVerdict) -> Iterator[Value]:
    make, start = ValuesOf(view.id, (verdict.model_name,)), f"{view.id}/{verdict.model_name}"
    if verdict.difference is not None:
        reference = view.recommendation.reference if view.recommendation else "the teacher"
        yield make(
            f"{start}/difference",
            f"{NAMES[verdict.difference.metric]}, difference to {reference}",
            difference_words(verdict.difference),
        )
    if verdict.p_adjusted is not None:
        yield make(f"{start}/p_adjusted", "adjusted p-value", f"{verdict.p_adjusted:.3g}")
    if verdict.records_needed is not None:
        needed = count(verdict.records_needed)
        yield make(f"{start}/records_needed", "evaluation records that would decide", needed)


def difference_words(found: Difference) -> str:
    """'-0.012 (95 % -0.041–+0.017, n 400): not significant'"""
    bounds = f"{percent(found.confidence)} {found.low:+.3f} to {found.high:+.3f}"
    decided = found.low > 0 or found.high < 0
    words = "significant" if decided else "not significant"
    return f"{found.value:+.3f} ({bounds}, n {count(found.n)}; {words})"


def _per_1000(what: str, amount: Decimal, view: RunView) -> tuple[str, str]:
    return f"{what} per 1,000 requests", money(amount, currency_of(view)).strip()
