"""Questions in plain words, answered from what the other services return."""

import asyncio
import logging
import re
from collections.abc import Sequence
from time import perf_counter
from typing import TypeVar

from flywheel.db.models import Question
from flywheel.errors import DatabaseUnavailableError, NotFoundError
from flywheel.insights import names, reader
from flywheel.insights.facts import Facts
from flywheel.insights.history import Turn
from flywheel.insights.question import read
from flywheel.insights.trace import Trace
from flywheel.ports.backends import Backends
from flywheel.ports.logs import WorkloadSummary
from flywheel.service import asked, promotions, runs
from flywheel.service.visibility import seen_by
from flywheel.views import Actor, Answer, Place, PromotionView, RunView

log = logging.getLogger(__name__)

RECENT_RUNS = 50
_KEEPING = 1.0  # seconds that an answer waits for its row to be stored
_RUN = re.compile(r"\br-\d{1,9}\b")

Of = TypeVar("Of", RunView, PromotionView, WorkloadSummary)  # a workload

_late: set[asyncio.Task[bool]] = set()  # rows that are still being stored


async def ask(
    backends: Backends,
    question: str,
    actor: Actor,
    focus_run: str | None = None,
    place: Place | None = None,
) -> Answer:
    """Answer a question from what this person may see, and keep both.

    `focus_run` is the run that the conversation is about, `place` where it takes place: what was
    said there before is known. Where the database does not take the row, the answer has no id.
    """
    started = perf_counter()
    seen = seen_by(backends, actor)
    facts = _SeenOnce(seen)
    history = await _history(seen, actor, place)
    answer = await reader.answer(question, facts, focus_run, history)
    limited_to = await _limited_to(seen, answer, facts, question, focus_run, history)
    answer = answer.model_copy(update={"id": asked.new_id(), "limited_to": limited_to})
    row = asked.question_row(
        question,
        answer,
        actor,
        trace=Trace(),
        seconds=perf_counter() - started,
        place=place,
        focus_run=focus_run,
        about=await _about(answer, question, facts),
    )
    return answer if await _keep(backends, row) else answer.model_copy(update={"id": None})


class _SeenOnce:
    """The reader's typed queries, answered by the services, each of them once."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._runs: dict[str | None, list[RunView]] = {}
        self._named: dict[str, RunView | None] = {}
        self._incumbents: list[PromotionView] | None = None
        self._workloads: list[WorkloadSummary] | None = None

    async def runs(self, workload_id: str | None = None) -> list[RunView]:
        if workload_id not in self._runs:
            found = await runs.list_runs(self._backends, workload_id, RECENT_RUNS)
            self._runs[workload_id] = found
        return self._runs[workload_id]

    async def run(self, ref: str) -> RunView | None:
        if ref not in self._named:
            try:
                self._named[ref] = await runs.get_run(self._backends, ref)
            except NotFoundError:
                self._named[ref] = None
        return self._named[ref]

    async def incumbents(self) -> list[PromotionView]:
        if self._incumbents is None:
            self._incumbents = await promotions.incumbents(self._backends)
        return self._incumbents

    async def workloads(self) -> list[WorkloadSummary]:
        if self._workloads is None:
            self._workloads = await self._backends.logs.workloads()
        return self._workloads


class _Without:
    """The same facts as if some workloads were not there."""

    def __init__(self, facts: Facts, hidden: frozenset[str]) -> None:
        self._facts, self._hidden = facts, hidden

    async def runs(self, workload_id: str | None = None) -> list[RunView]:
        return self._seen(await self._facts.runs(workload_id))

    async def run(self, ref: str) -> RunView | None:
        found = await self._facts.run(ref)
        return None if found is None or found.workload_id in self._hidden else found

    async def incumbents(self) -> list[PromotionView]:
        return self._seen(await self._facts.incumbents())

    async def workloads(self) -> list[WorkloadSummary]:
        return self._seen(await self._facts.workloads())

    def _seen(self, found: list[Of]) -> list[Of]:
        return [one for one in found if one.workload_id not in self._hidden]


async def _limited_to(
    seen: Backends,
    answer: Answer,
    facts: Facts,
    question: str,
    focus_run: str | None,
    history: Sequence[Turn],
) -> list[str]:
    """The workloads that not everybody may see and that have a part in the answer.

    One has where the answer would be another one if the workload were not there.
    """
    listed = sorted(set(seen.settings.access_config.workloads) - seen.hidden)

    async def matter(workloads: Sequence[str]) -> bool:
        without = _Without(facts, frozenset(workloads))
        return await reader.answer(question, without, focus_run, history) != answer

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
