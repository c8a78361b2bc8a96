"""Answers about models: which is best, how two compare, why one lost, how fast one is."""

from collections.abc import Sequence

from flywheel.evaluation.headline import METRICS_OF, NAMES, UNREADABLE, Metric
from flywheel.evaluation.scores import Scores
from flywheel.formatting import count, score
from flywheel.insights.phrases import (
    CANNOT_TELL,
    NOT_SIGNIFICANT,
    SIGNIFICANT,
    class_scores,
    headline,
    headline_of,
    main_mistake,
    named,
    overlap,
    reply,
    show,
    standing,
    weak_tools,
)
from flywheel.insights.subjects import (
    Subject,
    mentioned,
    ranked,
    recommended,
    speaks_of,
    weakest_classes,
)
from flywheel.insights.topic import Topic, is_scored
from flywheel.insights.trouble import no_runs, no_scores, unknown_model
from flywheel.views import Answer, RunView

_MOST_COMPARED = 4
_MOST_LISTED = 8


def best(topic: Topic) -> Answer:
    """Which model is best, or how good the named ones are."""
    run = topic.run_with(is_scored)
    if run is None:
        return no_runs(topic)
    order = ranked(run)
    if not order:
        return no_scores(topic, run)
    asked = mentioned(topic, run)
    others = any(subject.name != order[0].name for subject in asked.subjects)
    if others or speaks_of(topic, run):
        return _how_good(run, asked.subjects)
    if asked.unknown and not asked.subjects:
        return unknown_model(topic, run, asked.unknown)
    first, chosen = order[0], recommended(run)
    verdict = run.recommendation
    differs = chosen is not None and chosen.name != first.name
    return reply(
        f"In {named(run)} *{first.name}* has the highest {headline_of(first)}.",
        _runner_up(topic, order),
        f"The policy recommends *{chosen.name}*: {verdict.reason}"
        if differs and chosen and verdict and verdict.verdict == "promote"
        else (f"Verdict *{verdict.verdict}*: {verdict.reason}" if verdict else None),
        _other_workloads(topic, run),
        sources=show(run),
    )


def second(topic: Topic) -> Answer:
    """The candidate with the second highest score."""
    run = topic.run_with(is_scored)
    if run is None:
        return no_runs(topic)
    order = ranked(run)
    if len(order) < 2:
        return no_scores(topic, run) if not order else best(topic)
    return reply(
        f"In {named(run)} the second is *{order[1].name}*: {headline_of(order[1])}.",
        f"First is {order[0].name} with {headline_of(order[0])}.",
        standing(order[0], order[1]),
        sources=show(run),
    )


def needed(topic: Topic) -> Answer:
    """How many evaluation records would decide on a candidate."""
    run = topic.run_with(lambda r: r.recommendation is not None)
    if run is None:
        return no_runs(topic)
    if run.recommendation is None:
        return no_scores(topic, run)
    names = [s.name for s in mentioned(topic, run).subjects if not s.is_teacher]
    verdicts = [v for v in run.recommendation.candidates if not names or v.model_name in names]
    lines = [
        f"*{v.model_name}* in {named(run)}: about {count(v.records_needed)} evaluation records in "
        "all would probably decide."
        if v.records_needed is not None
        else f"*{v.model_name}* in {named(run)}: verdict *{v.verdict}*, so no more are needed."
        if v.verdict != "insufficient-data"
        else f"*{v.model_name}* in {named(run)}: {v.reason}"
        for v in verdicts[:_MOST_COMPARED]
    ]
    return reply(*lines, sources=show(run)) if lines else no_scores(topic, run)


def unreadable(topic: Topic) -> Answer:
    """How many answers of the candidates could not be read."""
    run = topic.run_with(is_scored)
    if run is None:
        return no_runs(topic)
    subjects = [s for s in mentioned(topic, run).subjects if s.scores] or ranked(run)
    lines = [
        f"*{s.name}*: {count(s.scores.unparseable)} of {count(s.scores.n)} answers had "
        f"{UNREADABLE[s.scores.workload_type]}."
        for s in subjects[:_MOST_LISTED]
        if s.scores
    ]
    return reply(f"In {named(run)}:", *lines, sources=show(run)) if lines else no_scores(topic, run)


def _runner_up(topic: Topic, order: Sequence[Subject]) -> str | None:
    if len(order) < 2:
        return None
    first, second = (s.scores.headline if s.scores else None for s in order[:2])
    if first is None or second is None:
        return None
    verdict = "the intervals do not overlap"
    if overlap(first.interval, second.interval):
        found = topic.paired(order[0].run, order[0].name, order[1].name)
        shown = NOT_SIGNIFICANT if found is None or found.low <= 0 else SIGNIFICANT
        verdict = CANNOT_TELL if found is None else shown
    return f"Next is {order[1].name} with {headline_of(order[1])}; {verdict}."


def _other_workloads(topic: Topic, run: RunView) -> str | None:
    if topic.named_runs or topic.named_workloads or topic.focus:
        return None
    others = sorted({r.workload_id for r in topic.runs if is_scored(r)} - {run.workload_id})
    return f"There are also runs of {', '.join(others[:5])}." if others else None


def _how_good(run: RunView, subjects: Sequence[Subject]) -> Answer:
    lines = []
    for subject in subjects[:_MOST_COMPARED]:
        lines += _scores(subject)
        verdict = _verdict(subject)
        lines += [verdict] if verdict else []
    return reply(*lines, sources=show(run, *(s.run for s in subjects)))


def _scores(subject: Subject) -> list[str]:
    if subject.is_teacher:
        return [f"*{subject.name}* is the reference that candidates are scored against."]
    scores = subject.scores
    if scores is None:
        return [f"*{subject.name}* has no scores in {subject.run.id}."]
    more = _more(scores)
    return [
        f"*{subject.name}* in {named(subject.run)}: {headline(scores)}",
        *([f"   {more}"] if more else []),
    ]


def _more(scores: Scores) -> str:
    """What the headline is not."""
    others: list[Metric] = [m for m in METRICS_OF[scores.workload_type] if m != scores.metric]
    found = [(metric, interval) for metric in others if (interval := scores.of(metric))]
    said = [f"{NAMES[metric]} {score(interval, scores.n)}" for metric, interval in found]
    if scores.balanced_accuracy is not None and scores.workload_type == "classification":
        said.append(f"balanced accuracy {scores.balanced_accuracy:.3f}")
    return ", ".join(said)


def why(topic: Topic) -> Answer:
    """The verdict on a candidate, what decided it and where it goes wrong."""
    run = topic.run_with(is_scored)
    if run is None:
        return no_runs(topic)
    asked = mentioned(topic, run)
    subjects = [s for s in asked.subjects if not s.is_teacher]
    if asked.unknown and not subjects:
        return unknown_model(topic, run, asked.unknown)
    if run.error and not subjects:
        return reply(f"{named(run)} failed: {run.error}", sources=show(run))
    if not subjects:
        chosen = recommended(run)
        subjects = [chosen] if chosen else []
    if not subjects:
        return no_scores(topic, run)
    lines: list[str] = []
    for subject in subjects[:2]:
        lines += _explained(subject, most_classes=3 if len(subjects) == 1 else 2)
    return reply(*lines, sources=show(run))


def _explained(subject: Subject, most_classes: int) -> list[str]:
    run, scores = subject.run, subject.scores
    candidate = next((c for c in run.nims if c.model_name == subject.name), None)
    if scores is None:
        if candidate is not None and candidate.error:
            return [f"*{subject.name}* failed in {run.id}: {candidate.error}"]
        return [f"*{subject.name}* has no scores in {run.id} (yet)."]
    lines = [_verdict(subject) or f"*{subject.name}* in {run.id}: {headline(scores)}."]
    if scores.metric == "similarity":  # the policy takes it as a share
        lines.append(f"It has {headline(scores)}.")
    first = ranked(run)[0]
    if first.name == subject.name:
        lines[0] += f" It has the highest {NAMES[scores.metric]} of the run."
    elif candidate is not None and first.scores is not None:
        lines.append(
            f"Highest is {first.name} with {headline_of(first)}. {standing(subject, first)}"
        )
    if tools := weak_tools(scores, most_classes):
        lines += ["Its weakest tools:", *tools]
    weak = [] if scores.tools is not None else weakest_classes(scores, most_classes)
    if weak:
        lines.append("Its weakest classes:")
    lines += [f"• {row.label}: {class_scores(row)}{main_mistake(scores, row)}" for row in weak]
    if scores.unparseable:
        lacked = {"classification": "no label"}.get(
            scores.workload_type, UNREADABLE[scores.workload_type]
        )
        lines.append(f"{count(scores.unparseable)} of {count(scores.n)} answers had {lacked}.")
    return lines


def _verdict(subject: Subject) -> str | None:
    said = subject.run.recommendation
    if said is not None and said.model_name == subject.name and said.verdict == "promote":
        return f"Verdict *promote*: {said.reason}"  # why it, of those that pass
    for verdict in said.candidates if said else []:
        if verdict.model_name == subject.name:
            return f"Verdict *{verdict.verdict}*: {verdict.reason}"
    return None


def verdict(topic: Topic) -> Answer:
    """Whether a candidate should take over, by the policy."""
    run = topic.run_with(lambda r: r.recommendation is not None)
    if run is None:
        return no_runs(topic)
    asked = mentioned(topic, run)
    subjects = [s for s in asked.subjects if not s.is_teacher]
    if asked.unknown and not subjects:
        return unknown_model(topic, run, asked.unknown)
    if run.recommendation is None:
        return no_scores(topic, run)
    lines = [line for subject in subjects if (line := _verdict(subject))]
    if not lines:
        said = run.recommendation
        lines = [f"{named(run)}, verdict *{said.verdict}*: {said.reason}"]
    waits = "The promotion waits for somebody to approve it." if run.approval_id else None
    return reply(*lines, waits, "People decide; the policy only says what the numbers show.",
                 sources=show(run))  # fmt: skip
