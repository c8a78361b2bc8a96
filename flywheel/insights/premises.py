"""What a question takes for granted and is not so: said before the answer. Pure."""

import re

from flywheel.insights.phrases import named
from flywheel.insights.topic import Topic
from flywheel.insights.trouble import unknown_model
from flywheel.views import Answer, RunView

_FAILED = re.compile(r"\b(why|how come|reason|what made)\b.*\b(fail(ed|ing|s)?|crash\w*|broke)\b")
_CANCELLED = re.compile(r"\b(cancel+ed|stopped|aborted)\b")
_ENDED = re.compile(r"\b(when|why) did .*\b(finish|end|complete)\w*\b")
_ACTIVE = {"pending", "running", "cancelling"}


def missing_model(topic: Topic) -> Answer | None:
    """That the run named has no such model, where the question names one that others have."""
    run = topic.named_runs[0] if len(topic.named_runs) == 1 else None
    run = run or (topic.focus if not topic.named_workloads else None)
    if run is None or not topic.models.used or topic.speaks_of_models_in(run):
        return None
    if any(name in topic.models.names for name in _models(run)):
        return None  # of several that are named it has one
    words = [topic.question.words[at] for at in sorted(topic.models.used)]
    return unknown_model(topic, run, " ".join(words))


def corrected(topic: Topic, found: Answer) -> Answer:
    """The answer, after what the question has wrong about the run that it names."""
    run = topic.named_runs[0] if topic.named_runs else None
    wrong = None if run is None else _wrong(topic, run)
    if wrong is None or found.refused:
        return found
    return found.model_copy(update={"text": f"{wrong}\n{found.text}"})


def _wrong(topic: Topic, run: RunView) -> str | None:
    text = topic.question.text
    if topic.named_workloads and run.workload_id not in topic.named_workloads:
        return f"{run.id} is a run of {run.workload_id}, not of {topic.named_workloads[0]}."
    failed = run.status == "failed" or any(candidate.error for candidate in run.nims)
    if _FAILED.search(text) and not failed and not topic.models.used:
        return f"{named(run)} did not fail: it is {run.status}."
    if _CANCELLED.search(text) and run.status not in {"cancelled", "cancelling"}:
        return f"{named(run)} was not cancelled: it is {run.status}."
    if _ENDED.search(text) and run.status in _ACTIVE:
        return f"{named(run)} has not ended: it is {run.status}."
    return None


def _models(run: RunView) -> list[str]:
    return [candidate.model_name for candidate in run.nims]
