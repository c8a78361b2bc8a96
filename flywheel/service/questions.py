"""Questions in plain words, answered from what the other services return."""

from collections.abc import Sequence

from flywheel.insights import reader
from flywheel.ports.backends import Backends
from flywheel.service.evidence import ServiceEvidence
from flywheel.views import Answer


async def ask(
    backends: Backends, question: str, focus_run: str | None = None, before: Sequence[str] = ()
) -> Answer:
    """Answer a question about runs.

    `focus_run` is the one that the conversation is about, `before` its earlier questions.
    """
    return await reader.answer(question, ServiceEvidence(backends), focus_run, before)
