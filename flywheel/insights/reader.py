"""Answer questions in plain words without a language model, from the facts alone."""

import re
from collections.abc import Sequence

from flywheel.insights import trouble
from flywheel.insights.asking_back import asked_back, with_choices
from flywheel.insights.beyond import beyond
from flywheel.insights.facts import Facts
from flywheel.insights.history import Turn
from flywheel.insights.intents import answer_to
from flywheel.insights.on_classes import named_class
from flywheel.insights.subjects import mentioned
from flywheel.insights.topic import Topic, gather, is_scored
from flywheel.views import Answer

_IDENTIFIER = re.compile(r"[a-z]\w*[-_/][\w./-]+")
_AFTER_WORKLOAD = re.compile(r"\bworkload ([\w.-]+)")


async def answer(
    question: str, facts: Facts, focus_run: str | None = None, history: Sequence[Turn] = ()
) -> Answer:
    """What `facts` say to `question`; `focus_run` is the run that the conversation is about.

    `history` is what was said before, the oldest first: 'and how fast is it?' goes back to it.
    Nothing is made up: numbers come from the views, and a name that does not exist is answered
    as such. `understood` is False where the question is of no known kind.
    """
    topic = await gather(question, facts, focus_run, history)
    if topic.missing_runs:
        return trouble.unknown_run(topic)
    if refusal := beyond(topic.question.text, topic.plain):
        return refusal
    if unknown := _unknown_identifier(topic):
        return unknown
    if back := asked_back(topic):
        return back
    found = answer_to(topic) or trouble.not_understood(topic)
    return with_choices(topic, _with_premise(topic, found))


def _with_premise(topic: Topic, found: Answer) -> Answer:
    """The answer, after a correction where the run named is of another workload than that named."""
    run = topic.named_runs[0] if topic.named_runs else None
    if run is None or not topic.named_workloads or run.workload_id in topic.named_workloads:
        return found
    corrected = f"{run.id} is a run of {run.workload_id}, not of {topic.named_workloads[0]}."
    return found.model_copy(update={"text": f"{corrected}\n{found.text}"})


def _unknown_identifier(topic: Topic) -> Answer | None:
    """An answer to a question that names something by a name that nothing has."""
    run = topic.run_with(is_scored)
    if run is None:
        return None
    unread = mentioned(topic, run).unknown
    spoken = _AFTER_WORKLOAD.search(topic.question.text)
    is_workload = spoken is not None and spoken[1] == unread
    if not (_IDENTIFIER.fullmatch(unread) or is_workload) or named_class(topic, run):
        return None
    return trouble.unknown_model(topic, run, unread)
