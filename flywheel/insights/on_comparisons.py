"""Answers that put models, or runs, side by side."""

import re
from collections.abc import Sequence
from itertools import combinations

from flywheel.insights.phrases import (
    headline,
    headline_of,
    named,
    paired,
    per_1000,
    reply,
    show,
    speed,
    standing,
)
from flywheel.insights.subjects import Subject, mentioned, ranked, recommended
from flywheel.insights.topic import Topic, is_scored
from flywheel.insights.trouble import no_runs, no_scores, unknown_model
from flywheel.views import Answer, RunView

_MOST_COMPARED = 4
_EVERYBODY = re.compile(
    r"\b(all|every|each)( of)?( the)? (models?|candidates?|them)\b"
    r"|\brank(ed|ing|s)?\b|\bstandings\b"
)


def compare(topic: Topic) -> Answer:
    """Two or more models of a run side by side, or the best of two runs."""
    if len(topic.named_runs) > 1:
        return _compare_runs(topic.named_runs)
    run = topic.run_with(is_scored)
    if run is None:
        return no_runs(topic)
    asked = mentioned(topic, run)
    subjects = asked.subjects
    if asked.unknown and len(subjects) < 2:
        return unknown_model(topic, run, asked.unknown)
    if not ranked(run):
        return no_scores(topic, run)
    if _EVERYBODY.search(topic.question.text):
        subjects = ranked(run)
    if len(subjects) < 2:
        others = [s for s in ranked(run) if s.name not in {t.name for t in subjects}]
        subjects = [*subjects, *(others[:1] if subjects else others)]
    subjects = subjects[:_MOST_COMPARED]
    lines = [f"In {named(run)}:"]
    for subject in subjects:
        lines += _side(subject)
    lines += _judged(topic, subjects)
    return reply(*lines, sources=show(run, *(s.run for s in subjects)))


def tuned(topic: Topic) -> Answer:
    """A model before and after fine-tuning."""
    run = topic.run_with(is_scored)
    if run is None:
        return no_runs(topic)
    asked = mentioned(topic, run)
    names = {subject.name for subject in asked.subjects}
    chosen = recommended(run)
    if asked.unknown and not names & {c.model_name for c in run.nims}:
        return unknown_model(topic, run, asked.unknown)
    known = [c for c in run.nims if c.base and c.customized]
    known = [c for c in known if c.model_name in names] or [
        c for c in known if chosen is not None and c.model_name == chosen.name
    ]
    if not known:
        return no_scores(topic, run)
    lines = [f"In {named(run)}:"]
    for candidate in known[:_MOST_COMPARED]:
        assert candidate.base is not None
        assert candidate.customized is not None
        measures = next(
            (e.measures for e in candidate.evaluations if e.eval_type == "base-eval"), ""
        )
        what = f" ({measures})" if measures else ""
        before, after = headline(candidate.base), headline(candidate.customized)
        lines.append(f"*{candidate.model_name}* before fine-tuning{what}: {before}")
        lines.append(f"   after: {after}")
    return reply(*lines, sources=show(run))


def _side(subject: Subject) -> list[str]:
    quality = "the reference" if subject.is_teacher else headline_of(subject)
    lines = [f"*{subject.name}*: {quality}"]
    if subject.seconds is not None or subject.cost_per_1000 is not None:
        lines.append(f"   {speed(subject.seconds)}, {per_1000(subject.cost_per_1000, subject.run)}")
    return lines


def _judged(topic: Topic, subjects: Sequence[Subject]) -> list[str]:
    references = [s for s in subjects if s.is_reference]
    others = [s for s in subjects if not s.is_reference]
    lines = [said for one in others for other in references if (said := paired(one, other))]
    for one, other in combinations([s for s in others if s.scores], 2):
        if one.run.id != other.run.id:
            lines.append(_DIFFERENT_RUNS)
        else:
            lines.append(standing(one, other, topic))
    if any(s.is_teacher for s in subjects):
        lines.append("Candidates are scored by how they agree with the teacher's logged answers.")
    return lines[:_MOST_COMPARED]


_DIFFERENT_RUNS = (
    "They come from different runs: their evaluation records may differ, so compare with care."
)


def _compare_runs(runs: Sequence[RunView]) -> Answer:
    lines = []
    for run in runs[:_MOST_COMPARED]:
        first = next(iter(ranked(run)), None)
        if first is None:
            lines.append(f"*{named(run)}*: {run.status}, no scores")
        else:
            lines.append(f"*{named(run)}*: {first.name} is best, {headline_of(first)}")
    digests = [{d.digest for d in run.datasets if d.name == "eval"} for run in runs]
    same = all(digests) and all(digest == digests[0] for digest in digests)
    lines.append(
        "Both were scored on the same evaluation records."
        if same
        else "They were not scored on the same evaluation records: compare with care."
    )
    return reply(*lines, sources=show(*runs))
