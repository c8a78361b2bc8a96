"""Where evaluations are written down for people who compare experiments."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from pydantic import BaseModel, Field

from flywheel.ports.platform import Leftover

Cell = str | int | float | bool | None


class TrackedDataset(BaseModel):
    """A dataset that an evaluation rests on."""

    name: str = Field(description="train, val or eval")
    digest: str = Field(description="sha256, hex")
    num_records: int
    uri: str


class TrackedTable(BaseModel):
    """One line per evaluation record."""

    columns: list[str]
    rows: list[list[Cell]]


class TrackedEvaluation(BaseModel):
    """One evaluation with all that speaks for it."""

    key: str = Field(description="Names it for good: the same key is tracked once")
    run_uid: str
    workload_id: str
    name: str = Field(description="For people: 'r-12 tfidf-svm customized-eval'")
    description: str = Field("", description="What came of the run, in plain words")
    started_at: datetime
    finished_at: datetime
    tags: dict[str, str]
    parameters: dict[str, Cell]
    metrics: dict[str, float]
    datasets: list[TrackedDataset]
    answers: TrackedTable
    files: dict[str, bytes] = Field(
        default_factory=dict, description="Pictures and the receipt, by path"
    )


class Tracker(Protocol):
    """A tracking server."""

    name: str

    async def track(self, evaluation: TrackedEvaluation) -> str:
        """Write it down, once, however often it is called; where people find it.

        Raises UnavailableError where nothing answers, FlywheelError for what it refuses.
        """
        ...

    async def remove(self, run_uid: str) -> list[Leftover]:
        """Delete what is written of a run. Returns what could not be deleted."""
        ...

    async def leftovers(self, run_uids: Collection[str]) -> Sequence[Leftover]:
        """What is written of runs that are none of these. Raises like `track`."""
        ...

    async def ping(self) -> str:
        """A few words on what answered. Raises UnavailableError."""
        ...
