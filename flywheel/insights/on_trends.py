"""Answers about time: how the scores of a workload, or of one model, went from run to run."""

from collections.abc import Sequence

from flywheel.formatting import when
from flywheel.insights.phrases import headline_of, named, overlap, reply, show
from flywheel.insights.subjects import Subject, incumbent_in, ranked, subject_of
from flywheel.insights.topic import Topic, is_scored
from flywheel.insights.trouble import no_runs, no_scores
from flywheel.views import Answer, RunView

_MOST_RUNS = 6


def trend(topic: Topic) -> Answer:
    """A model from run to run; where none is named, what serves and the best candidates."""
    start = topic.run_with(is_scored)
    if start is None:
        return no_runs(topic)
    runs = [r for r in topic.runs if r.workload_id == start.workload_id and is_scored(r)]
    runs.reverse()
    if not runs:
        return no_scores(topic, start)
    names = [n for n in topic.models.names if any(_of(run, n) for run in runs)]
    lines: list[str] = []
    cited: list[RunView] = []
    if names:
        series = {name: [s for run in runs if (s := _of(run, name))] for name in names[:2]}
        for name, scored in series.items():
            lines += _told(f"*{name}* in the runs of {start.workload_id}:", scored)
            cited += [s.run for s in scored]
    else:
        served = _served(topic, runs)
        if served:
            lines += _told(f"What serves {start.workload_id}, *{served[0].name}*:", served)
        best = [ranked(run)[0] for run in runs]
        lines += _told(f"The best candidates of {start.workload_id}:", best, with_names=True)
        if len(runs) == 1:
            lines.append("No other run has scores, so nothing is known of a change.")
        cited = [s.run for s in (*served, *best)]
    if len({_records(run) for run in cited}) > 1:
        lines.append("The runs were scored on different records: compare with care.")
    return reply(*lines, sources=show(*cited))


def _told(heading: str, scored: Sequence[Subject], *, with_names: bool = False) -> list[str]:
    shown = scored if len(scored) <= _MOST_RUNS else [scored[0], *scored[1 - _MOST_RUNS :]]
    lines = [heading]
    for subject in shown:
        name = f"{subject.name}, " if with_names else ""
        lines.append(f"• {subject.run.id} ({_day(subject.run)}): {name}{headline_of(subject)}")
    return [*lines, *([] if with_names else [_moved(scored)])]


def _moved(scored: Sequence[Subject]) -> str:
    """What the first and the last score say."""
    first, last = (s.scores.headline if s.scores else None for s in (scored[0], scored[-1]))
    if len(scored) < 2 or first is None or last is None:
        return "One run has scored it, so nothing is known of a change."
    word = "lower" if last.value < first.value else "higher"
    if overlap(first.interval, last.interval):
        return f"The last is {word}, but the intervals overlap: no change is shown."
    return f"The last is {word}, and the intervals do not overlap."


def _served(topic: Topic, runs: Sequence[RunView]) -> list[Subject]:
    """What serves now: in the run that it comes from, and as later runs scored it."""
    promoted = next((p for p in topic.incumbents if p.workload_id == runs[-1].workload_id), None)
    if promoted is None:
        return []
    name = f"{promoted.model_name} ({promoted.run_id})"
    found = []
    for run in runs:
        if run.id == promoted.run_id and (own := _of(run, promoted.model_name)):
            found.append(own)
        elif run.compared is not None and run.compared.name == name:
            found += incumbent_in(run)
    return found


def _of(run: RunView, name: str) -> Subject | None:
    found = (c for c in run.nims if c.model_name == name and c.customized)
    return next((subject_of(run, candidate) for candidate in found), None)


def _day(run: RunView) -> str:
    return when(run.finished_at or run.created_at)[:10]


def _records(run: RunView) -> str:
    return next((d.digest for d in run.datasets if d.name == "eval"), named(run))
