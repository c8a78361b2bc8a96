"""Notes on jobs, on this machine: what was asked of NeMo, and how it stood.

They say no more than NeMo would, only sooner: what is running, since when it makes no progress,
that somebody cancelled it. A folder per run: `<job>.json`, `files.json`, `<job>.answers.jsonl`.
"""

import asyncio
import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, TypeVar

from pydantic import BaseModel, Field, ValidationError

from flywheel.adapters.nemo.facts import EvalFacts
from flywheel.adapters.nemo.names import slug
from flywheel.errors import DataError
from flywheel.ports.platform import DatasetFiles, Job, JobStatus

M = TypeVar("M", bound=BaseModel)
_LOCKED_SECONDS = 0.05  # between two attempts at a lock


class Note(BaseModel):
    """One job."""

    started_at: float = Field(default_factory=time.time, description="Epoch seconds")
    external_id: str | None = Field(None, description="Of the job in NeMo, once it is known")
    asked_at: float | None = Field(None, description="When NeMo was asked to create it")
    phase: str = ""
    since: float = Field(0.0, description="When the phase began")
    mark: str = Field("", description="How far it was at the last look")
    moved_at: float = Field(default_factory=time.time, description="When that last changed")
    silent_since: float | None = Field(None, description="Since when NeMo does not answer")
    direct: bool = Field(False, description="We ask the model ourselves")
    helpers: dict[str, "Note"] = Field(
        default_factory=dict, description="The shared deployments that it uses, by name"
    )
    holds: bool = Field(False, description="It uses them until it is cancelled, also completed")
    cancelled: bool = False
    ended: JobStatus | None = Field(None, description="How it ended; stands from then on")

    @property
    def uses_helpers(self) -> bool:
        """Whether the shared deployments have to stay for it."""
        return self.ended is None or (self.holds and self.ended.state == "completed")

    def enter(self, phase: str) -> float:
        """Seconds since this phase began, which is now where it was another."""
        if self.phase != phase:
            self.phase, self.since = phase, time.time()
        return time.time() - self.since

    def still(self, mark: str) -> float:
        """Seconds without progress; `mark` says how far it is."""
        if self.mark != mark:
            self.mark, self.moved_at, self.silent_since = mark, time.time(), None
        return time.time() - self.moved_at

    def asked_within(self, seconds: float) -> bool:
        """Whether NeMo may still be creating the job: it was asked, and its answer was lost."""
        return self.asked_at is not None and time.time() - self.asked_at < seconds


class RunFiles(BaseModel):
    """A run's datasets on this machine, and what was seen in them when they were uploaded."""

    local: DatasetFiles
    train_records: int
    facts: EvalFacts


class Book:
    """The notes, one folder per run under `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, run_uid: str) -> Path:
        """Where the notes of a run are."""
        return self._root / slug(run_uid)

    async def note(self, job: Job) -> Note | None:
        """What is known of a job; None where it was never started."""
        return await asyncio.to_thread(_read, self._path(job), Note)

    async def keep(self, job: Job, note: Note) -> None:
        """Write it down, all or nothing."""
        await asyncio.to_thread(_write, self._path(job), note)

    async def unwanted(self, job: Job) -> bool:
        """Whether somebody has cancelled the job, or removed its run."""
        note = await self.note(job)
        return note is None or note.cancelled

    async def files(self, run_uid: str) -> RunFiles:
        """The run's datasets. Raises DataError where they were never uploaded from here."""
        found = await asyncio.to_thread(_read, self.folder(run_uid) / "files.json", RunFiles)
        if found is None:
            raise DataError(
                f"The datasets of {run_uid} were not uploaded from this machine.",
                "All workers need the same FLYWHEEL_HOME; start the run again.",
            )
        return found

    async def keep_files(self, run_uid: str, files: RunFiles) -> None:
        """Write down where a run's datasets are."""
        await asyncio.to_thread(_write, self.folder(run_uid) / "files.json", files)

    def answers(self, job: Job) -> Path:
        """The answers to an evaluation."""
        return self._path(job).with_suffix(".answers.jsonl")

    @asynccontextmanager
    async def claims(self) -> AsyncIterator[None]:
        """One at a time says what it uses, or takes down what nobody does."""
        with _opened(self._root / "claims.lock") as file:
            # In no thread: one that waits for a lock cannot be called back.
            while not _locked(file):  # noqa: ASYNC110 - another process has no event for us
                await asyncio.sleep(_LOCKED_SECONDS)
            yield

    async def needed(self) -> set[str]:
        """The shared deployments that a job uses which goes on."""
        return await asyncio.to_thread(lambda: set(self._needed()))

    def _needed(self) -> Iterator[str]:
        for path in self._root.glob("*/*.json"):
            note = None if path.name == "files.json" else _read(path, Note)
            if note is not None and not note.cancelled and note.uses_helpers:
                yield from note.helpers

    async def forget(self, run_uid: str) -> None:
        """Delete everything of a run."""
        await asyncio.to_thread(shutil.rmtree, self.folder(run_uid), ignore_errors=True)

    def _path(self, job: Job) -> Path:
        return self.folder(job.run_uid) / f"{slug(job.name)}.json"


def _opened(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("ab")


def _locked(file: IO[bytes]) -> bool:
    """Whether the file is ours now; it is free again once it is closed."""
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _read(path: Path, kind: type[M]) -> M | None:
    with contextlib.suppress(FileNotFoundError, ValidationError):
        return kind.model_validate_json(path.read_bytes())
    return None


def _write(path: Path, value: BaseModel) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(value.model_dump_json())
    draft.replace(path)
