"""Answers where there is nothing to answer with: what is missing, and what there is."""

import re
from collections.abc import Sequence
from difflib import get_close_matches

from flywheel.formatting import count
from flywheel.insights.names import find
from flywheel.insights.phrases import doing_now, named, reply, show
from flywheel.insights.topic import Topic, is_scored
from flywheel.views import Answer, RunView

_MOST_LISTED = 8


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - _MOST_LISTED
    return ", ".join(names[:_MOST_LISTED]) + (f" and {count(more)} more" if more > 0 else "")


def no_runs(topic: Topic) -> Answer:
    """Nothing has been run (for this workload)."""
    if topic.named_workloads and topic.runs:
        workload = topic.named_workloads[0]
        return reply(
            f"There are no runs of {workload} yet.",
            f"Start one: flywheel run {workload}",
            sources=["flywheel runs"],
            refused=True,
        )
    workloads = sorted({summary.workload_id for summary in topic.workloads})
    return reply(
        "There are no runs yet.",
        f"The log holds records of {listed(workloads)}." if workloads else "The log is empty.",
        f"Start one: flywheel run {workloads[0]}"
        if workloads
        else "Bring records in: flywheel logs import FILE",
        sources=["flywheel runs", "flywheel logs workloads"],
    )


def no_scores(topic: Topic, run: RunView) -> Answer:
    """The run has scored nobody (yet)."""
    now = doing_now(run)
    scored = next((r for r in topic.candidate_runs if is_scored(r) and r.id != run.id), None)
    return reply(
        f"{named(run)} is {run.status} and has no scores{' yet' if not run.finished_at else ''}.",
        f"Now: {now}." if now else None,
        f"Error: {run.error}" if run.error else None,
        f"The last run with scores is {named(scored)}." if scored else None,
        sources=show(run, *([scored] if scored else [])),
    )


def unknown_run(topic: Topic) -> Answer:
    """A run that does not exist."""
    missing = " and ".join(topic.missing_runs)
    last = topic.runs[0] if topic.runs else None
    return reply(
        f"There is no run {missing}.",
        f"The last one is {named(last)}." if last else "There are no runs yet.",
        sources=["flywheel runs"],
        refused=True,
    )


def is_size(name: str) -> bool:
    """'8b': what people call a model by."""
    return re.fullmatch(r"\d+(\.\d+)?b", name) is not None


def unknown_model(topic: Topic, run: RunView, name: str) -> Answer:
    """A model that the run does not have, though another may."""
    having = [r for r in topic.runs if _has(r, name)]
    if having:
        having.sort(key=lambda r: (r.workload_id != run.workload_id, not is_scored(r)))
        same = having[0]
        return reply(
            f"{named(run)} had no {name.upper() if is_size(name) else name}. "
            f"It had {listed([candidate.model_name for candidate in run.nims])}.",
            f"{named(same)} had it.",
            sources=show(run, same),
            refused=True,
        )
    models = [candidate.model_name for candidate in run.nims]
    workloads = sorted(
        {r.workload_id for r in topic.runs} | {w.workload_id for w in topic.workloads}
    )
    close = get_close_matches(name, [*models, *workloads], n=1, cutoff=0.5)
    return reply(
        f"I know no model or workload called “{name}”."
        + (f" Did you mean {close[0]}?" if close else ""),
        f"{named(run)} has the models {listed(models)}."
        + (f" Its teacher is {run.teacher.model_name}." if run.teacher else ""),
        f"Workloads: {listed(workloads)}.",
        sources=show(run),
        refused=True,
    )


def unknown_class(run: RunView, name: str, labels: Sequence[str]) -> Answer:
    """A class that the run does not have."""
    close = get_close_matches(name, labels, n=1, cutoff=0.5)
    return reply(
        f"{named(run)} has no class called “{name}”."
        + (f" Did you mean {close[0]}?" if close else ""),
        f"Its classes: {listed(labels)}.",
        sources=show(run),
        refused=True,
    )


def _has(run: RunView, name: str) -> bool:
    models = [candidate.model_name for candidate in run.nims]
    return bool(find(name.split(), models, by_parts=True).names)


def not_known(word: str) -> Answer:
    """The question is about something that is not recorded."""
    return reply(
        f"I cannot answer that: I know nothing about “{word}”.",
        "I know what runs have measured, what the log holds and what was decided.",
        sources=[],
        refused=True,
    )


def not_understood(topic: Topic) -> Answer:
    """What can be asked, with names that exist."""
    return reply(
        "I did not understand that. You can ask, for example:",
        *(f"• {example}" for example in examples(topic)),
        sources=[],
        understood=False,
    )


def examples(topic: Topic) -> list[str]:
    """Questions that have an answer here."""
    run = next(filter(is_scored, topic.runs), None)
    workload = run.workload_id if run else next((w.workload_id for w in topic.workloads), None)
    questions = []
    if run is not None:
        models = [candidate.model_name for candidate in run.nims]
        questions += [f"Which model is best for {run.workload_id}?"]
        if len(models) > 1:
            questions += [f"Compare {models[0]} and {models[1]}"]
        questions += [
            "How much would we save per 1,000 requests?",
            f"Why did {models[-1]} lose?",
            f"How fast is {models[0]}?",
        ]
        labels = list(run.dataset_report.classes) if run.dataset_report else []
        questions += [f"What is wrong with class {labels[-1]}?"] if labels else []
    questions += ["What is running?", "Which model is promoted, and who approved it?"]
    questions += [f"How many records does {workload} have?"] if workload else []
    return questions


def what_can_be_asked(topic: Topic) -> Answer:
    """The answer to 'help'."""
    return reply("You can ask, for example:", *(f"• {e}" for e in examples(topic)), sources=[])
