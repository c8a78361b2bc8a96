"""Answers about using a model: how fast it is, and what the one in production takes."""

from flywheel.formatting import count, duration
from flywheel.insights.phrases import named, per_1000, reply, show, speed
from flywheel.insights.subjects import Subject, mentioned, subject_of, teacher_of
from flywheel.insights.topic import Topic, is_scored
from flywheel.insights.trouble import no_runs, no_scores, unknown_model
from flywheel.views import Answer

_MOST_LISTED = 8


def fast(topic: Topic) -> Answer:
    """How long requests take, for the named models or all, and for the teacher."""
    run = topic.run_with(is_scored)
    if run is None:
        return no_runs(topic)
    asked = mentioned(topic, run)
    if asked.unknown and not asked.subjects:
        return unknown_model(topic, run, asked.unknown)
    everyone = [subject_of(run, candidate) for candidate in run.nims if candidate.customized]
    subjects = [s for s in asked.subjects if not s.is_teacher] or everyone
    if not subjects or not everyone:
        return no_scores(topic, run)
    subjects = sorted(subjects, key=lambda s: s.seconds if s.seconds is not None else float("inf"))
    lines = [f"Mean time of one request in {named(run)}, fastest first:"]
    lines += [_timed(subject) for subject in subjects[:_MOST_LISTED]]
    teacher = teacher_of(run)
    if teacher and teacher.seconds is not None:
        lines.append(f"*{teacher.name}*: {duration(teacher.seconds)}, as logged in production")
    elif teacher:
        lines.append(f"*{teacher.name}*: its log holds no times")
    return reply(*lines, sources=show(run))


def _timed(subject: Subject) -> str:
    if subject.seconds is None or subject.scores is None:
        return f"*{subject.name}*: not measured"
    n, p95 = f"n {count(subject.scores.n)}", subject.scores.seconds_p95
    spread = n if p95 is None else f"95 % within {duration(p95)}, {n}"
    return f"*{subject.name}*: {duration(subject.seconds)} ({spread})"


def teacher(topic: Topic) -> Answer:
    """What the log says of the model in production."""
    run = topic.run_with(lambda r: r.teacher is not None)
    if run is None:
        return no_runs(topic)
    if run.teacher is None:
        return reply(f"{named(run)} has not read its records yet.", sources=show(run))
    usage = run.teacher
    tokens = (
        f"{usage.input_tokens:,.0f} tokens in and {usage.output_tokens:,.0f} out"
        if usage.input_tokens is not None and usage.output_tokens is not None
        else "tokens not logged"
    )
    return reply(
        f"The teacher of {named(run)} is *{usage.model_name}*.",
        f"One request, on average: {tokens}, {speed(usage.seconds)}.",
        f"Cost: {per_1000(usage.cost_per_1000, run)}.",
        "Candidates are scored by how they agree with its logged answers.",
        sources=show(run),
    )
