"""Where production prompt/response records are kept."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from pydantic import BaseModel, Field


class StoredRecord(NamedTuple):
    """One record on its way into a log store; `body` is the whole record as JSON."""

    record_id: str  # content hash of the record, hex
    timestamp: float  # epoch seconds
    workload_id: str
    client_id: str
    answer_kind: str  # the label, or the tool names joined by "+"; "" where neither is readable
    body: bytes


class Selection(BaseModel):
    """Which records a run reads: the newest `limit` of one workload (and client)."""

    workload_id: str
    client_id: str | None = Field(None, description="One client only; None reads all clients")
    since: datetime | None = Field(None, description="No record older than that; None reads all")
    limit: int | None = Field(None, ge=1, description="Newest N records; None reads all")


class WorkloadSummary(BaseModel):
    """What the log holds for one workload and client."""

    workload_id: str
    client_id: str
    records: int = Field(description="Number of records")
    first: datetime = Field(description="Time of the oldest record (UTC)")
    last: datetime = Field(description="Time of the newest record (UTC)")
    answers: dict[str, int] = Field(
        description="Labels or tools seen, with their number of records, most frequent first"
    )


class LogStore(Protocol):
    """Records in, records out. Safe to use from several processes at once."""

    async def append(self, records: Sequence[StoredRecord]) -> int:
        """Store records; those already there (same `record_id`) are left alone.

        Returns the number of records that were new.
        """
        ...

    def stream(self, selection: Selection, batch_size: int = 2000) -> AsyncIterator[list[bytes]]:
        """The JSON bodies of the selection, newest first, in batches."""
        ...

    async def count(self, selection: Selection) -> int:
        """How many records the selection holds."""
        ...

    async def workloads(self) -> list[WorkloadSummary]:
        """One summary per workload and client, by name."""
        ...

    async def ping(self) -> str:
        """A few words on what answered. Raises UnavailableError where nothing does."""
        ...
