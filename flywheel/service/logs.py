"""What people do with the log: bring records in, see what is there, make a sample."""

import asyncio
import gzip
import time
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import orjson
from pydantic import BaseModel, Field

from flywheel.clock import utc_now
from flywheel.datasets.reading import TEXT, read_answer
from flywheel.datasets.sample import sample_records
from flywheel.errors import InvalidInputError, UnavailableError
from flywheel.ports.backends import Backends
from flywheel.ports.logs import LogStore, StoredRecord, WorkloadSummary
from flywheel.records import RecordError, parse_record, reason_class, record_id

BATCH_RECORDS, BATCH_BYTES = 8000, 16_000_000
REJECTED_CHARACTERS = 10_000  # of a rejected line, that much is kept
LONGEST_LINE = 64_000_000  # bytes; a whole file without line breaks must not fill the memory
GZIP_MAGIC = b"\x1f\x8b"
BOM = b"\xef\xbb\xbf"

SAMPLE_RECORDS, SAMPLE_SEED = 6000, 7

OnProgress = Callable[[int, int], None]


class ImportReport(BaseModel):
    """What became of the lines of an import."""

    files: int
    read: int = Field(description="Lines that are not blank")
    added: int
    already_there: int
    rejected: int
    reasons: dict[str, int] = Field(description="Why lines were rejected, most frequent first")
    reject_file: Path | None
    seconds: float


async def list_workloads(backends: Backends) -> list[WorkloadSummary]:
    """One summary per workload and client."""
    return await backends.logs.workloads()


async def import_files(
    store: LogStore,
    files: Sequence[Path],
    *,
    workload_id: str | None = None,
    client_id: str | None = None,
    reject_dir: Path,
    on_progress: OnProgress = lambda _done, _total: None,
) -> ImportReport:
    """Add the records of JSONL files, plain or gzip; those already there are left alone.

    A bad line stops nothing: it goes to a file in `reject_dir` with its file, number and
    reason. `on_progress(bytes done, bytes in all)`. Raises InvalidInputError for a file that
    cannot be read at all.
    """
    started = time.monotonic()
    total = sum(_size(file) for file in files)
    overrides = {
        key: value
        for key, value in (("workload_id", workload_id), ("client_id", client_id))
        if value is not None
    }
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    with _RejectFile(reject_dir) as rejects:
        done = 0
        for file in files:
            async for batch in _batches(file, overrides):
                added = await store.append(batch.records)
                counts["read"] += len(batch.records) + len(batch.rejects)
                counts["added"] += added
                counts["already_there"] += len(batch.records) - added
                for reject in batch.rejects:
                    reasons[reason_class(reject.reason)] += 1
                await asyncio.to_thread(rejects.write, batch.rejects)
                on_progress(done + batch.position, total)
                if batch.damage is not None:
                    raise batch.damage
            done += _size(file)
        on_progress(total, total)
        return ImportReport(
            files=len(files),
            read=counts["read"],
            added=counts["added"],
            already_there=counts["already_there"],
            rejected=reasons.total(),
            reasons=dict(reasons.most_common()),
            reject_file=rejects.path,
            seconds=time.monotonic() - started,
        )


async def write_sample(path: Path, records: int = SAMPLE_RECORDS, seed: int = SAMPLE_SEED) -> None:
    """Write a synthetic log; gzip where the name ends in .gz. Raises InvalidInputError."""
    await asyncio.to_thread(_write_sample, path, records, seed)


def _write_sample(path: Path, records: int, seed: int) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            file: BinaryIO | gzip.GzipFile = stack.enter_context(path.open("wb"))
            if path.suffix == ".gz":  # without the time, so that the same log is the same file
                file = stack.enter_context(gzip.GzipFile("", "wb", 6, file, mtime=0))
            for record in sample_records(records, seed):
                file.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
    except OSError as error:
        raise InvalidInputError(
            f"{path} cannot be written: {error.strerror}.", "Name another file."
        ) from error


class _Reject(NamedTuple):
    file: str
    line: int
    reason: str
    text: bytes


class _Batch(NamedTuple):
    records: list[StoredRecord]
    rejects: list[_Reject]
    position: int  # bytes of the file read so far
    damage: InvalidInputError | None  # what ended the reading of the file, if not its end


class _RejectFile:
    """Made when the first line is rejected."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._file: BinaryIO | None = None
        self.path: Path | None = None

    def __enter__(self) -> "_RejectFile":
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def write(self, rejects: Sequence[_Reject]) -> None:
        if not rejects:
            return
        try:
            if self._file is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                path = self._folder / f"rejects-{utc_now():%Y%m%dT%H%M%S%f}.jsonl"
                self._file = self._stack.enter_context(path.open("wb"))
                self.path = path
            for reject in rejects:
                shown = reject.text[:REJECTED_CHARACTERS].decode("utf-8", "replace")
                line = {**reject._asdict(), "text": shown, "bytes": len(reject.text)}
                self._file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        except OSError as error:
            raise UnavailableError(
                f"Rejected lines cannot be written to {self._folder}: {error.strerror}.",
                "Check its permissions and the space on its disk.",
            ) from error


async def _batches(path: Path, overrides: dict[str, str]) -> AsyncIterator[_Batch]:
    try:
        file = await asyncio.to_thread(path.open, "rb")
    except OSError as error:
        raise _unreadable(path, error) from error
    with file:
        lines = enumerate(_lines(path, file), start=1)
        while True:
            batch = await asyncio.to_thread(_batch, path, file, lines, overrides)
            yield batch
            if not batch.records and not batch.rejects:
                return


def _lines(path: Path, file: BinaryIO) -> Iterator[bytes]:
    """The lines; of one longer than LONGEST_LINE the beginning, without an end."""
    zipped = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    if path.suffix == ".gz" and not zipped:
        raise InvalidInputError(
            f"{path} is not a gzip file, though its name says so.", "Rename or compress it."
        )
    file.seek(0)
    source: BinaryIO | gzip.GzipFile = gzip.GzipFile(fileobj=file) if zipped else file
    try:
        read = partial(source.readline, LONGEST_LINE)
        first = True
        for line in iter(read, b""):
            yield line.removeprefix(BOM) if first else line
            first = False
            rest = line
            while len(rest) == LONGEST_LINE and not rest.endswith(b"\n"):
                rest = read()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InvalidInputError(
            f"{path} is a damaged gzip file: {error}.",
            "The lines before the damage are imported; get the file again for the rest.",
        ) from error
    except OSError as error:
        raise _unreadable(path, error) from error


def _batch(
    path: Path, file: BinaryIO, lines: Iterator[tuple[int, bytes]], overrides: dict[str, str]
) -> _Batch:
    records: list[StoredRecord] = []
    rejects: list[_Reject] = []
    damage = None
    size = 0
    try:
        for number, line in lines:
            text = line.strip()
            if not text:
                continue
            try:
                records.append(_stored(text, overrides))
            except RecordError as error:
                rejects.append(_Reject(str(path), number, str(error), text))
            size += len(text)
            if len(records) + len(rejects) >= BATCH_RECORDS or size >= BATCH_BYTES:
                break
    except InvalidInputError as error:  # what was read until then still counts
        damage = error
    return _Batch(records, rejects, file.tell(), damage)


def _stored(text: bytes, overrides: dict[str, str]) -> StoredRecord:
    """A line as the log keeps it. Raises RecordError."""
    if len(text) >= LONGEST_LINE:
        raise RecordError(f"the line is longer than {LONGEST_LINE // 1_000_000} MB")
    try:
        value: Any = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise RecordError(f"it is not valid JSON: {error.msg} at column {error.colno}") from None
    if not isinstance(value, dict):
        raise RecordError("the line is not a JSON object")
    value.update(overrides)
    body = orjson.dumps(value)
    record = parse_record(body)
    kind, answer = read_answer(record.answer)
    return StoredRecord(
        record_id(value),
        record.timestamp,
        record.workload_id,
        record.client_id,
        "" if kind == TEXT else answer,
        body,
    )


def _size(path: Path) -> int:
    try:
        if not path.is_file():
            problem = "is a folder" if path.is_dir() else "does not exist"
            raise InvalidInputError(f"{path} {problem}.", "Give JSONL files, plain or gzip.")
        return path.stat().st_size
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> InvalidInputError:
    return InvalidInputError(
        f"{path} cannot be read: {error.strerror or error}.", "Check the file and its permissions."
    )
