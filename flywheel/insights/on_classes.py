"""Answers about classes: how well one is recognised, and what it is confused with."""

import re
from collections.abc import Sequence
from itertools import pairwise

from flywheel.evaluation.scores import ClassScore, Scores
from flywheel.formatting import count, score
from flywheel.insights import on_models
from flywheel.insights.names import find
from flywheel.insights.phrases import class_scores, main_mistake, named, reply, show, weak_tools
from flywheel.insights.subjects import (
    Subject,
    mentioned,
    mistaken_as,
    recommended,
    taken_for,
    weakest_classes,
)
from flywheel.insights.topic import Topic, aliases_of, is_scored, labels_of
from flywheel.insights.trouble import is_size, no_runs, no_scores, unknown_class, unknown_model
from flywheel.insights.vocabulary import is_ordinary
from flywheel.views import Answer, RunView

_AFTER_CLASS = re.compile(
    r"\b(?:class|label|category)\s+(?!of\b|is\b|does\b|table\b)([\w&/+.-]*[\w&+])"
)
_MOST_WEAK = 5


def named_class(topic: Topic, run: RunView) -> str | None:
    """The class of the run that the question names."""
    labels = labels_of(run)
    words = topic.question.words
    if quoted := [label for label in topic.question.quoted if label in labels]:
        return quoted[0]
    aliases = aliases_of(labels)
    taken = topic.used | _metric_words(words)
    if found := find(words, aliases, by_parts=False, taken=taken).names:
        return aliases[found[0]]
    if spoken := _AFTER_CLASS.search(topic.question.text):
        by_part = find([spoken[1]], labels, by_parts=True).names
        return by_part[0] if len(by_part) == 1 else None
    return None


def _metric_words(words: Sequence[str]) -> set[int]:
    """Positions of 'macro' in 'macro F1': a class may be called Macro."""
    return {
        position
        for position, (word, following) in enumerate(pairwise(words))
        if word in {"macro", "weighted"} and following in {"f1", "average", "score"}
    }


def names_a_class(topic: Topic) -> bool:
    """Whether the question names a class of the run that it is about."""
    run = topic.run_with(is_scored)
    return run is not None and named_class(topic, run) is not None


def classes(topic: Topic) -> Answer:
    """One class in detail, or the weakest classes."""
    run = topic.run_with(is_scored)
    if run is None:
        return no_runs(topic)
    label = named_class(topic, run)
    asked = mentioned(topic, run)
    subjects = [s for s in asked.subjects if s.scores is not None]
    if not subjects and asked.subjects and not asked.subjects[0].is_teacher:
        return on_models.why(topic)
    subject = subjects[0] if subjects else recommended(run)
    if subject is None or subject.scores is None:
        return no_scores(topic, run)
    if is_size(asked.unknown) and not asked.subjects:
        return unknown_model(topic, run, asked.unknown)
    if label is not None:
        found = [_one_class(run, s, s.scores, label) for s in (subjects or [subject])[:2]]
        return reply(*(line for one in found for line in one), sources=show(run))
    return _unknown(topic, run) or _weakest(run, subject, subject.scores)


def _unknown(topic: Topic, run: RunView) -> Answer | None:
    """That the run has no such class, where the question names one."""
    spoken = _AFTER_CLASS.search(topic.question.text)
    known = {topic.question.words[at] for at in topic.models.used | topic.used}
    if spoken is None or is_ordinary(spoken[1]) or spoken[1] in known or not labels_of(run):
        return None
    return unknown_class(run, spoken[1], labels_of(run))


def _one_class(run: RunView, subject: Subject, scores: Scores | None, label: str) -> list[str]:
    assert scores is not None  # those without are no subjects here
    row = next((row for row in scores.per_class if row.label == label and row.support), None)
    lines = [f"Class *{label}* in {named(run)}, answered by {subject.name}:"]
    if row is None:
        lines.append("It has no evaluation records, so nothing is known about it.")
    else:
        if scores.tools is not None:
            lines += _exact_calls(scores, label)
            lines.append("By the choice of functions, whatever their arguments:")
        lines.append(class_scores(row))
        if row.recall_interval is not None:
            lines.append(f"Recall with its interval: {score(row.recall_interval, row.support)}.")
        lines += _confusions(scores, row)
    counts = run.dataset_report.classes.get(label) if run.dataset_report else None
    if counts is not None:
        lines.append(
            f"Of its {count(counts.usable)} usable records {count(counts.train)} were for "
            f"training, {count(counts.val)} for validation, {count(counts.eval)} for evaluation."
        )
    return lines


def _exact_calls(scores: Scores, label: str) -> list[str]:
    tools = scores.tools.per_tool if scores.tools else []
    return [
        f"{tool.exact_recall:.3f} of its {count(tool.support)} calls are exact."
        for tool in tools
        if tool.tool == label
    ]


def _confusions(scores: Scores, row: ClassScore) -> list[str]:
    missed = [f"{other} ({count(n)})" for other, n in taken_for(scores, row.label)[:3]]
    wrongly = [f"{other} ({count(n)})" for other, n in mistaken_as(scores, row.label)[:3]]
    return [
        f"Its records were wrongly answered as: {', '.join(missed)}."
        if missed
        else f"All of its {count(row.support)} records were answered right.",
        f"Wrongly answered as {row.label}: records of {', '.join(wrongly)}."
        if wrongly
        else "No other record was answered as it.",
    ]


def _weakest(run: RunView, subject: Subject, scores: Scores) -> Answer:
    if scores.workload_type == "generic":
        return reply(
            f"The answers of {named(run)} are free text: they have no classes.", sources=show(run)
        )
    if tools := weak_tools(scores, _MOST_WEAK):
        heading = f"The weakest tools of *{subject.name}* in {named(run)}:"
        return reply(heading, *tools, sources=show(run))
    weak = weakest_classes(scores, _MOST_WEAK)
    if not weak:
        return reply(
            f"{subject.name} answered every class of {named(run)} right (n {count(scores.n)}).",
            sources=show(run),
        )
    lines = [f"• {row.label}: {class_scores(row)}{main_mistake(scores, row)}" for row in weak]
    absent = ", ".join(scores.absent_classes)
    return reply(
        f"The weakest classes of *{subject.name}* in {named(run)}:",
        *lines,
        f"Without evaluation records, so not judged: {absent}." if absent else None,
        sources=show(run),
    )
