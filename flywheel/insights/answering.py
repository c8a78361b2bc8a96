"""Who answers: the language model within its deadline, else the reader."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic

from flywheel.errors import FlywheelError
from flywheel.insights import agent, reader
from flywheel.insights.agent import Progress, RejectedError, Usage
from flywheel.insights.facts import Evidence
from flywheel.insights.history import Turn
from flywheel.insights.tools import Toolbox
from flywheel.insights.tools.toolbox import Call
from flywheel.ports.language import LanguageModel
from flywheel.views import Answer

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Voice:
    """A language model, how it is told to answer, and how long it may take."""

    model: LanguageModel
    system: str
    seconds: float


@dataclass
class Outcome:
    """An answer, and how it came about."""

    answer: Answer
    seconds: float
    why_not: str | None = None  # the language model did not word it
    calls: list[Call] = field(default_factory=list)
    usage: Usage | None = None  # None where no language model was asked


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
        return Outcome(found, monotonic() - begun, None, box.calls, usage)
    except TimeoutError:
        why = "slow"
    except RejectedError as error:
        why = "rejected"
        log.warning("an answer of %s was refused: %s", voice.model.name, error.hint)
    except FlywheelError as error:
        why = "unavailable"
        log.warning("%s %s", error.message, error.hint)
    found = await reader.answer(question, evidence, focus, history)
    return Outcome(found, monotonic() - begun, why, box.calls, usage)
