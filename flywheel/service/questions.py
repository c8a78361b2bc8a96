"""Questions in plain words, answered from what the other services return."""

from collections.abc import Sequence

from flywheel.insights.agent import Progress, Turn
from flywheel.insights.answering import Outcome, answered
from flywheel.insights.voice import ANSWER, voice_of
from flywheel.ports.backends import Backends
from flywheel.service.evidence import ServiceEvidence
from flywheel.views import Answer


async def ask(
    backends: Backends,
    question: str,
    focus_run: str | None = None,
    before: Sequence[str] = (),
    progress: Progress | None = None,
) -> Answer:
    """Answer a question about runs.

    `focus_run` is the one that the conversation is about, `before` its earlier questions;
    `progress` is told what is being looked at where a language model answers.
    """
    return (await outcome_of(backends, question, focus_run, before, progress)).answer


async def outcome_of(
    backends: Backends,
    question: str,
    focus_run: str | None = None,
    before: Sequence[str] = (),
    progress: Progress | None = None,
) -> Outcome:
    """The same with how it came about."""
    history = [Turn(question=text) for text in before]
    voice = voice_of(backends, ANSWER)
    return await answered(ServiceEvidence(backends), question, focus_run, voice, history, progress)
