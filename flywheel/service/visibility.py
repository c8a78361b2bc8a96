"""Who sees which workloads: decided here, and applied wherever runs and workloads are found."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace

from flywheel.ports.backends import Backends
from flywheel.ports.logs import LogStore, Selection, StoredRecord, WorkloadSummary
from flywheel.views import API_ANONYMOUS, Actor

# Whoever can run the command line owns the files; nobody asks for what the system does itself.
_OWNERS = frozenset({"cli", "system"})


def sees(backends: Backends, actor: Actor, workload_id: str) -> bool:
    """Whether this person may know of the workload.

    Of one that is listed only those who are named there do, by their own id or that of a group
    that they are in, and never somebody without a name. Everybody sees one that is not listed.
    """
    listed = backends.settings.access_config.workloads.get(workload_id)
    if listed is None or actor.origin in _OWNERS:
        return True
    return actor.id != API_ANONYMOUS and bool({actor.id, *actor.groups} & set(listed))


def seen_by(backends: Backends, actor: Actor) -> Backends:
    """The same parts as this person sees them: what they may not see is not there."""
    listed = backends.settings.access_config.workloads
    return without(backends, (name for name in listed if not sees(backends, actor, name)))


def without(backends: Backends, workloads: Iterable[str]) -> Backends:
    """The same parts as if these workloads were not there."""
    hidden = backends.hidden | frozenset(workloads)
    if hidden == backends.hidden:
        return backends
    return replace(backends, hidden=hidden, logs=_SeenLogs(backends.logs, hidden))


class _SeenLogs:
    """A log store without the records of some workloads."""

    def __init__(self, logs: LogStore, hidden: frozenset[str]) -> None:
        self._logs, self._hidden = logs, hidden

    async def append(self, records: Sequence[StoredRecord]) -> int:
        return await self._logs.append(records)

    async def stream(
        self, selection: Selection, batch_size: int = 2000
    ) -> AsyncIterator[list[bytes]]:
        if selection.workload_id not in self._hidden:
            async for batch in self._logs.stream(selection, batch_size):
                yield batch

    async def count(self, selection: Selection) -> int:
        return 0 if selection.workload_id in self._hidden else await self._logs.count(selection)

    async def workloads(self) -> list[WorkloadSummary]:
        found = await self._logs.workloads()
        return [summary for summary in found if summary.workload_id not in self._hidden]

    async def ping(self) -> str:
        return await self._logs.ping()
