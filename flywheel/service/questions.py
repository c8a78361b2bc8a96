"""Questions in plain words, answered from what the other services return."""

import asyncio
import logging
import re
from collections.abc import Sequence
from time import perf_counter
from typing import NamedTuple

from flywheel.db.models import Question
from flywheel.errors import DatabaseUnavailableError
from flywheel.evaluation.cost import cost_per_1000
from flywheel.insights import names, reader
from flywheel.insights.agent import Progress
from flywheel.insights.answering import Outcome, answered
from flywheel.insights.budget import Limits, over_budget
from flywheel.insights.facts import Facts
from flywheel.insights.history import Turn
from flywheel.insights.question import read
from flywheel.insights.trace import ToolCall, Trace
from flywheel.insights.voice import ANSWER, Voice, voice_of
from flywheel.ports.backends import Backends
from flywheel.service import asked
from flywheel.service.asked_facts import Remembered, Without
from flywheel.service.visibility import seen_by
from flywheel.views import Actor, Answer, Place

log = logging.getLogger(__name__)

_KEEPING = 1.0  # seconds that an answer waits for its row to be stored
_RUN = re.compile(r"\br-\d{1,9}\b")

_late: set[asyncio.Task[bool]] = set()  # rows that are still being stored


async def ask(
    backends: Backends,
    question: str,
    actor: Actor,
    focus_run: str | None = None,
    place: Place | None = None,
    history: Sequence[Turn] | None = None,
    progress: Progress | None = None,
) -> Answer:
    """Answer a question from what this person may see, and keep both.

    `focus_run` is the run that the conversation is about, `place` where it takes place: what was
    said there before is known, unless `history` says it. `progress` is told what is being looked
    at where a language model answers. Where the database does not take the row, the answer has no
    id.
    """
    started = perf_counter()
    seen = seen_by(backends, actor)
    facts = Remembered(seen)
    if history is None:
        history = await _history(seen, actor, place)
    voice, spent = await _voice(backends, actor)
    outcome = await answered(facts, question, focus_run, voice, history, progress)
    limited_to = await _limited_to(seen, outcome, facts, question, focus_run, history)
    answer = outcome.answer.model_copy(
        update={
            "id": asked.new_id(),
            "limited_to": limited_to,
            "text": "\n".join(filter(None, (outcome.answer.text, spent))),
        }
    )
    row = asked.question_row(
        question,
        answer,
        actor,
        trace=_trace(backends, outcome, voice, spent),
        seconds=perf_counter() - started,
        place=place,
        focus_run=focus_run,
        about=await _about(answer, question, facts),
    )
    return answer if await _keep(backends, row) else answer.model_copy(update={"id": None})


async def _voice(backends: Backends, actor: Actor) -> tuple[Voice | None, str | None]:
    """The language model, else why it is left out for today, if it is that."""
    voice = voice_of(backends, ANSWER)
    if voice is None:
        return None, None
    config = backends.settings.insights_config
    limits = Limits(questions_per_user=config.questions_per_user, cost_per_day=config.cost_per_day)
    try:
        spent = over_budget(limits, await asked.used_today(backends, actor))
    except DatabaseUnavailableError as error:  # nobody can say what was spent
        log.warning("a question is answered without the language model: %s", error)
        return None, None
    return (voice, None) if spent is None else (None, spent)


def _trace(backends: Backends, outcome: Outcome, voice: Voice | None, spent: str | None) -> Trace:
    """What is kept of how it came about."""
    usage = outcome.usage
    if voice is None or usage is None:
        return Trace(fell_back=None if spent is None else "over budget")
    name, prices = voice.model.name, backends.settings.prices
    price = cost_per_1000(
        prices, _Request(name, usage.input_tokens, usage.output_tokens, outcome.seconds)
    )
    return Trace(
        fell_back=outcome.why_not,
        tools=[ToolCall(name=call.name, arguments=call.arguments) for call in outcome.calls],
        prompt=voice.prompt,
        prompt_digest=voice.digest,
        model=name,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost=None if price is None else price / 1000,
    )


class _Request(NamedTuple):
    """One answer, as the price table looks at it."""

    model_name: str
    input_tokens: float
    output_tokens: float
    seconds: float


async def _limited_to(
    seen: Backends,
    outcome: Outcome,
    facts: Facts,
    question: str,
    focus_run: str | None,
    history: Sequence[Turn],
) -> list[str]:
    """The workloads that not everybody may see and that have a part in the answer.

    One has where the reader's answer would be another one if the workload were not there; in an
    answer of a language model all have that it has looked at, and those of what was said before.
    """
    listed = sorted(set(seen.settings.access_config.workloads) - seen.hidden)
    if outcome.answer.by == "model":
        said = " ".join([question, outcome.answer.text, *(turn.answer for turn in history)])
        return [name for name in listed if name in outcome.looked_at or name in said]

    async def matter(workloads: Sequence[str]) -> bool:
        without = Without(facts, frozenset(workloads))
        return await reader.answer(question, without, focus_run, history) != outcome.answer

    if not listed or not await matter(listed):
        return []
    return [name for name in listed if await matter([name])] or listed


async def _about(answer: Answer, question: str, facts: Facts) -> tuple[str | None, list[str]]:
    """The run that the answer is about, and its models: those of the question, else the first."""
    refs = _RUN.findall(" ".join([*answer.sources, answer.text]))
    run = await facts.run(refs[0]) if refs else None
    if run is None:
        return None, []
    models = [candidate.model_name for candidate in run.nims]
    named = names.find(read(question, models).words, models, by_parts=True).names
    if named:
        return run.id, named
    at = {name: answer.text.find(name) for name in models if name in answer.text}
    return run.id, [min(at, key=lambda name: at[name])] if at else []


async def _history(seen: Backends, actor: Actor, place: Place | None) -> list[Turn]:
    try:
        return await asked.history(seen, actor, place)
    except DatabaseUnavailableError as error:
        log.warning("a question is answered without what was said before: %s", error)
        return []


async def _keep(backends: Backends, row: Question) -> bool:
    """Store the row, and do not let the person wait for long; whether it is there, or will be."""
    storing = asyncio.create_task(_stored(backends, row))
    _late.add(storing)
    storing.add_done_callback(_late.discard)
    await asyncio.wait({storing}, timeout=_KEEPING)
    return not storing.done() or storing.result()


async def _stored(backends: Backends, row: Question) -> bool:
    try:
        await asked.keep(backends, row)
    except DatabaseUnavailableError as error:
        log.warning("the question of %s is not kept: %s", row.actor, error)
    except Exception:
        log.exception("the question of %s could not be kept", row.actor)
    else:
        return True
    return False
