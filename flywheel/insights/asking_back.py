"""Questions back: where a question does not say which workload or run it is about. Pure."""

import re
from collections.abc import Sequence

from flywheel.insights.phrases import reply
from flywheel.insights.topic import Topic, is_scored
from flywheel.views import Answer

_POINTING = re.compile(r"\b(it|its|them|they|those|these|this|that one|the other)\b")
_BARE = re.compile(r"^(and|should we|shall we|what about|how about)\b")
_NAMED_BY_ROLE = re.compile(
    r"\b(best|winner|cheapest|fastest|running|teacher|incumbent|promoted|serves|approved?|take)\b"
)
_MOST = 5


def asked_back(topic: Topic) -> Answer | None:
    """A question back, where the question points to something that nobody has named."""
    text = topic.question.text
    pointing = _POINTING.search(text) or _BARE.search(text)
    if not topic.names_nothing or topic.span or topic.history or not pointing:
        return None
    if topic.models.used or topic.labels.used:
        return None
    workloads = _workloads(topic)
    if len(workloads) < 2 or _says_what(text):
        return None
    return reply(
        f"Which workload do you mean: {', '.join(workloads[:_MOST])}?",
        sources=["flywheel runs"],
        choices=choices(text, workloads),
    )


def with_choices(topic: Topic, answer: Answer) -> Answer:
    """The answer about the newest run, offered for the other workloads as well."""
    if (not topic.names_nothing and not topic.concluded) or topic.means_newest:
        return answer
    if answer.refused or answer.choices or not answer.understood or topic.span:
        return answer
    spoken_of = {
        run.workload_id for run in topic.runs if f"flywheel show {run.id}" in answer.sources
    }
    others = [w for w in _workloads(topic) if w not in spoken_of]
    if not others or len(spoken_of) != 1:
        return answer
    return answer.model_copy(update={"choices": choices(topic.question.text, others)})


def choices(text: str, workloads: Sequence[str]) -> list[str]:
    """The question, about each of the workloads."""
    plain = text.rstrip(" ?!.")
    return [f"{plain} for {workload}?" for workload in workloads[:_MOST]]


def _workloads(topic: Topic) -> list[str]:
    return list(dict.fromkeys(r.workload_id for r in topic.candidate_runs if is_scored(r)))


def _says_what(text: str) -> bool:
    """Whether the question names what its 'it' is: 'which is best and what does it save?'"""
    return _NAMED_BY_ROLE.search(text) is not None
