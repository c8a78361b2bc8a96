"""What stands beside the tables of a run, in lines of plain text."""

from collections.abc import Iterator

from flywheel.datasets.report import DatasetReport, Groups
from flywheel.formatting import count, percent, when
from flywheel.views import RunView

_DIGEST = 12  # characters that tell digests apart


def data_lines(view: RunView) -> Iterator[str]:
    """One sentence per line; nothing where the datasets are not built yet."""
    report = view.dataset_report
    if report is None:
        return
    yield _records(report)
    if report.frozen is not None:
        yield (
            f"Evaluation set: that of {report.frozen.run_id}, frozen by {report.frozen.frozen_by} "
            f"(sha256 {report.frozen.digest[:_DIGEST]}…)."
        )
    if report.evaluated_since is not None:
        yield f"Evaluation set: the newest records, from {when(report.evaluated_since)} on."
    if report.frozen_out:
        yield (
            f"{count(report.frozen_out)} usable records are in a frozen evaluation set, or nearly "
            "repeat one of it, and were not trained on."
        )
    if report.known and view.compared is not None:
        yield (
            f"{count(report.known)} of them, which {view.compared.name} was trained on, were not "
            "held out."
        )
    if report.groups is not None and report.groups.groups:
        yield _groups(report.groups)
    yield from _teacher(report)
    for note in report.notes:
        yield f"Note: {note}"


def accuracy_lines(view: RunView) -> Iterator[str]:
    """McNemar's test of every candidate that was compared with an incumbent."""
    if view.recommendation is None or view.compared is None:
        return
    for verdict in view.recommendation.candidates:
        if (test := verdict.mcnemar) is not None:
            shown = "under 0.001" if test.p_value < 0.001 else f"{test.p_value:.3f}"
            yield (
                f"Right where the other is wrong: {verdict.model_name} on "
                f"{count(test.only_candidate_right)} records, {view.compared.name} on "
                f"{count(test.only_reference_right)} ({test.method}: p {shown})."
            )


def _records(report: DatasetReport) -> str:
    left_out = {
        "invalid": report.invalid,
        "of another kind": report.wrong_type,
        "without a label": report.unlabeled,
        "duplicates": report.duplicates,
        "near-duplicates": report.near_duplicates,
        "with contradicting labels": 0 if report.conflicts is None else report.conflicts.dropped,
    }
    dropped = ", ".join(f"{count(n)} {what}" for what, n in left_out.items() if n) or "none"
    aside = 0 if report.groups is None else report.groups.set_aside
    sets = [
        *([] if report.frozen else [f"{count(report.eval)} evaluation"]),
        f"{count(report.train)} training",
        f"{count(report.val)} validation",
        *([f"{count(aside)} set aside"] if aside else []),
        *([f"{count(report.frozen_out)} frozen"] if report.frozen_out else []),
    ]
    frozen = f", evaluated on {count(report.eval)} frozen ones" if report.frozen else ""
    return (
        f"Records: {count(report.read)} read, left out {dropped}; {count(report.usable)} usable "
        f"= {' + '.join(sets)}{frozen}, {len(report.classes)} classes"
    )


def _groups(groups: Groups) -> str:
    aside = f"; {count(groups.set_aside)} were set aside for that" if groups.set_aside else ""
    return (
        f"{count(groups.records)} records nearly repeat each other, in {count(groups.groups)} "
        f"groups (similarity {groups.threshold:g} or more): each group is on one side of the "
        f"split{aside}."
    )


def _teacher(report: DatasetReport) -> Iterator[str]:
    """Whether the teacher agrees with itself."""
    repeats, conflicts = report.repeats, report.conflicts
    if repeats is not None and repeats.agreement is not None:
        low, high = repeats.agreement.low, repeats.agreement.high
        yield (
            f"Asked the same again, the teacher answered alike on "
            f"{percent(repeats.agreement.value)} of {count(repeats.texts)} texts "
            f"({percent(repeats.agreement.confidence)} {percent(low)} to {percent(high)}); no "
            f"model can agree with more than {percent(repeats.majority / repeats.records)} of "
            "those records."
        )
    if conflicts is not None and conflicts.texts:
        yield (
            f"{count(conflicts.texts)} texts ({count(conflicts.records)} records, "
            f"{percent(conflicts.share)}) have several labels: {count(conflicts.kept)} are kept "
            "with the label of most of their records, the others are left out. They are listed "
            f"in {conflicts.listed_in}"
        )
    if report.baseline is not None:
        yield (
            f"Always '{report.baseline.label}' would score macro-F1 "
            f"{report.baseline.macro_f1:.3f}, accuracy {report.baseline.accuracy:.3f}."
        )
