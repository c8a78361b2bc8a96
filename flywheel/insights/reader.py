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
from flywheel.insights.premises import corrected, missing_model
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
    if unknown := _unknown_identifier(topic) or missing_model(topic):
        return unknown
    if back := asked_back(topic):
        return back
    if strange := _strange(topic):
        return trouble.not_known(strange)
    found = answer_to(topic)
    if await topic.look_up(facts):
        found = answer_to(topic)
    found = found or trouble.not_understood(topic)
    return with_choices(topic, corrected(topic, found))


def _strange(topic: Topic) -> str:
    """A word that no question here is made of, where the question names nothing that there is.

    Where a name may stand, it is taken for one.
    """
    if not topic.names_nothing or topic.models.used or topic.labels.used or topic.span:
        return ""
    question = topic.question
    strange = topic.strangers()
    if not strange or len(strange) == len(question.words) or question.unread(topic.used):
        return ""
    return strange[0]


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
