"""Who answers: the language model within its deadline, else the reader."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic

from flywheel.insights import agent, reader
from flywheel.insights.agent import Progress, RejectedError, Usage
from flywheel.insights.facts import Evidence
from flywheel.insights.history import Turn
from flywheel.insights.tools import Toolbox
from flywheel.insights.tools.toolbox import Call
from flywheel.insights.voice import Voice
from flywheel.ports.language_model import LanguageModelError
from flywheel.views import Answer

log = logging.getLogger(__name__)


@dataclass
class Outcome:
    """An answer, and how it came about."""

    answer: Answer
    seconds: float
    why_not: str | None = None  # the language model did not word it
    calls: list[Call] = field(default_factory=list)
    usage: Usage | None = None  # None where no language model was asked
    looked_at: frozenset[str] = frozenset()  # workloads, by the language model


async def answered(
    evidence: Evidence,
    question: str,
    focus: str | None = None,
    voice: Voice | None = None,
    history: Sequence[Turn] = (),
    progress: Progress | None = None,
) -> Outcome:
    """The answer; where the language model fails, is too slow or is refused, that of the reader."""
    begun = monotonic()
    if voice is None:
        found = await reader.answer(question, evidence, focus, history)
        return Outcome(found, monotonic() - begun)
    box, usage = Toolbox(evidence, question, focus), Usage()
    try:
        async with asyncio.timeout(voice.seconds):
            found = await agent.answer(voice.model, voice.system, box, usage, history, progress)
        return Outcome(found, monotonic() - begun, None, box.calls, usage, frozenset(box.looked_at))
    except TimeoutError:
        why = "slow"
    except RejectedError as error:
        why = "rejected"
        log.warning("an answer of %s was refused: %s", voice.model.name, error.hint)
    except LanguageModelError as error:
        why = error.trouble
        log.warning("%s %s", error.message, error.hint)
    found = await reader.answer(question, evidence, focus, history)
    return Outcome(found, monotonic() - begun, why, box.calls, usage)
