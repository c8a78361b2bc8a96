"""Building a run's datasets: one pass over the log, a split, and the files.

The pass keeps a few numbers per record in memory; the records themselves wait in a spool file,
so that memory does not grow with their size.
"""

import asyncio
import os
import shutil
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
from pydantic import BaseModel, Field

from flywheel.datasets.classes import NO_CLASS, Classes, assign
from flywheel.datasets.duplicates import Distinct, keep_first
from flywheel.datasets.formats import evaluation_line, training_line
from flywheel.datasets.reading import bad_arguments, near_of_training_line, read
from flywheel.datasets.report import ClassCounts, DatasetReport
from flywheel.datasets.split import Rows, Split, split
from flywheel.datasets.teacher import TeacherTally
from flywheel.errors import DataError, UnavailableError
from flywheel.formatting import count
from flywheel.ports.logs import LogStore, Selection
from flywheel.records import RecordError, parse_record, reason_class
from flywheel.settings import DataSplitConfig, EvaluationConfig, Settings

SetName = Literal["train", "val", "eval"]
OnProgress = Callable[[float, str], None]

SPOOL = "spool"
_WRITTEN_AT_ONCE = 1000
_READ_SHARE = 60.0  # percent of the work that is reading, as measured


class DatasetFile(BaseModel):
    """One file of a run."""

    name: SetName
    path: Path
    num_records: int
    digest: str = Field(description="sha256, hex")


class BuildSpec(BaseModel):
    """What the building process is told; it gets no secrets."""

    settings: Settings
    selection: Selection
    split: DataSplitConfig
    evaluation: EvaluationConfig
    seed: int
    out_dir: Path
    known: list[Path] = Field(
        default_factory=list, description="What the incumbent was trained on; not held out"
    )


class BuiltDatasets(BaseModel):
    """What building leaves."""

    report: DatasetReport
    files: list[DatasetFile]


async def build_datasets(
    store: LogStore,
    selection: Selection,
    config: DataSplitConfig,
    evaluation: EvaluationConfig,
    seed: int,
    out_dir: Path,
    on_progress: OnProgress,
    known: Sequence[Path] = (),
) -> BuiltDatasets:
    """Read the selection, validate, label, deduplicate, split and write it.

    `out_dir` appears complete or not at all; a second call starts from the beginning. What the
    training files `known` hold is not held out: the model that learned from them is going to be
    scored as well. Raises DataError where the records do not make datasets.
    """
    work = out_dir.with_name(f"{out_dir.name}.part")
    try:
        await asyncio.to_thread(_clear, work, out_dir)
        with (work / SPOOL).open("w+b", buffering=1 << 20) as spool:
            reading = _Reading(spool, config)
            expected = await store.count(selection)
            async for bodies in store.stream(selection):
                await asyncio.to_thread(reading.add, bodies)
                share = reading.read / max(expected, 1)
                on_progress(_READ_SHARE * share, f"{count(reading.read)} records read")
            if not reading.read:
                raise _nothing_to_read(selection)
            spool.flush()
            on_progress(_READ_SHARE, "splitting")
            built = await asyncio.to_thread(
                _finish, reading, config, evaluation, seed, work, out_dir, known
            )
        await asyncio.to_thread(_publish, work, out_dir)
    except OSError as error:
        raise UnavailableError(
            f"The datasets cannot be written to {out_dir}: {error.strerror or error}.",
            "Check its permissions and the space on its disk.",
        ) from error
    on_progress(100.0, "written")
    return built


def _nothing_to_read(selection: Selection) -> DataError:
    client = "" if selection.client_id is None else f" from client '{selection.client_id}'"
    return DataError(
        f"The log holds no records of workload '{selection.workload_id}'{client}.",
        "See what there is with `flywheel logs workloads`.",
    )


class _Reading:
    """What the pass over the log keeps."""

    def __init__(self, spool: BinaryIO, config: DataSplitConfig) -> None:
        self.spool = spool
        self._parse = config.parse_function_arguments
        self.read = 0
        self.invalid: Counter[str] = Counter()
        self.kind = array("b")
        self.answer = array("q")  # number of the answer in `answers`
        self.answers: dict[str, int] = {}
        self.exact = array("q")
        self.near = array("q")
        self.offset = array("q")
        self.length = array("l")
        self.teacher = TeacherTally()
        self._end = 0

    def add(self, bodies: list[bytes]) -> None:
        """Check and reduce a batch; all of it goes to the spool, whatever becomes of it."""
        offset = self._end
        for body in bodies:
            start, offset = offset, offset + len(body)
            try:
                record = parse_record(body)
            except RecordError as error:
                self.invalid[reason_class(str(error))] += 1
                continue
            if self._parse and bad_arguments(record.answer):
                self.invalid["the arguments of a tool call are no JSON object"] += 1
                continue
            kind, answer, exact, near = read(record)
            self.kind.append(kind)
            self.answer.append(self.answers.setdefault(answer, len(self.answers)))
            self.exact.append(exact)
            self.near.append(near)
            self.offset.append(start)
            self.length.append(len(body))
            self.teacher.add(record)
        self.spool.write(b"".join(bodies))
        self.read += len(bodies)
        self._end = offset

    def body(self, row: int) -> bytes:
        return os.pread(self.spool.fileno(), self.length[row], self.offset[row])


def _finish(
    reading: _Reading,
    config: DataSplitConfig,
    evaluation: EvaluationConfig,
    seed: int,
    work: Path,
    out_dir: Path,
    known: Sequence[Path],
) -> BuiltDatasets:
    """From the pass to the files, in `work`; `out_dir` is where they will be."""
    kinds = np.array(reading.kind, dtype=np.int64)
    answers = np.array(reading.answer, dtype=np.int64)
    classes = assign(kinds, answers, list(reading.answers), evaluation.workload_type)
    distinct = keep_first(
        np.flatnonzero(classes.of_row != NO_CLASS),
        np.array(reading.exact, dtype=np.int64),
        np.array(reading.near, dtype=np.int64),
        classes.of_row,
    )
    of_kept = classes.of_row[distinct.rows]
    if len(of_kept) < min(config.min_total_records, reading.read):
        raise _too_few(reading, classes, distinct, config)
    near = np.array(reading.near, dtype=np.int64)[distinct.rows]
    seen = np.isin(near, np.fromiter(_known(known), dtype=np.int64)) if known else None
    parts = split(of_kept, config, seed, seen)
    rows: dict[SetName, Rows] = {
        "train": distinct.rows[parts.train],
        "val": distinct.rows[parts.val],
        "eval": distinct.rows[parts.eval],
    }
    files = [_write(reading, name, rows[name], classes, config, work, out_dir) for name in rows]
    return BuiltDatasets(
        files=files,
        report=DatasetReport(
            workload_type=classes.workload_type,
            read=reading.read,
            invalid=reading.invalid.total(),
            invalid_reasons=dict(reading.invalid.most_common()),
            wrong_type=classes.wrong_type,
            unlabeled=classes.unlabeled,
            duplicates=distinct.duplicates,
            near_duplicates=distinct.near_duplicates,
            conflicting=distinct.conflicting,
            usable=len(distinct.rows),
            eval=len(parts.eval),
            train=len(parts.train),
            val=len(parts.val),
            classes=_count_classes(classes, of_kept, parts),
            notes=parts.notes,
            known=0 if seen is None else int(np.count_nonzero(seen)),
            seed=seed,
            teacher=reading.teacher.usage(),
        ),
    )


def _known(files: Sequence[Path]) -> Iterator[int]:
    """The `near` of every record in these training files."""
    for path in files:
        with path.open("rb") as file:
            for line in file:
                yield near_of_training_line(line)


def _too_few(
    reading: _Reading, classes: Classes, distinct: Distinct, config: DataSplitConfig
) -> DataError:
    """Says what became of the others."""
    duplicates = distinct.duplicates + distinct.near_duplicates
    lost = {
        "not a chat completion with an answer": reading.invalid.total(),
        f"of another type than {classes.workload_type.replace('_', ' ')}": classes.wrong_type,
        "without a readable label": classes.unlabeled,
        "duplicate" if duplicates == 1 else "duplicates": duplicates,
    }
    return DataError(
        f"Only {count(len(distinct.rows))} of {count(reading.read)} records are usable; at least "
        f"{count(config.min_total_records)} are needed "
        f"({', '.join(f'{count(n)} {what}' for what, n in lost.items() if n)}).",
        "Import more records, or lower data_split_config.min_total_records.",
    )


def _count_classes(classes: Classes, of_kept: Rows, parts: Split) -> dict[str, ClassCounts]:
    def counts(rows: Rows | slice) -> Rows:
        return np.bincount(of_kept[rows], minlength=len(classes.names))

    usable, in_eval = counts(slice(None)), counts(parts.eval)
    in_train, in_val = counts(parts.train), counts(parts.val)
    order = sorted(np.flatnonzero(usable), key=lambda i: (-usable[i], classes.names[i]))
    return {
        classes.names[i]: ClassCounts(
            usable=usable[i], eval=in_eval[i], train=in_train[i], val=in_val[i]
        )
        for i in order
    }


def _write(
    reading: _Reading,
    name: SetName,
    rows: Rows,
    classes: Classes,
    config: DataSplitConfig,
    work: Path,
    out_dir: Path,
) -> DatasetFile:
    parse = config.parse_function_arguments
    digest = sha256()
    numbers = rows.tolist()
    with (work / f"{name}.jsonl").open("wb") as file:
        for start in range(0, len(numbers), _WRITTEN_AT_ONCE):
            some = numbers[start : start + _WRITTEN_AT_ONCE]
            if name == "eval":
                lines = [
                    evaluation_line(reading.body(row), classes.names[classes.of_row[row]], parse)
                    for row in some
                ]
            else:
                lines = [training_line(reading.body(row), parse) for row in some]
            text = b"".join(lines)
            digest.update(text)
            file.write(text)
    return DatasetFile(
        name=name,
        path=out_dir / f"{name}.jsonl",
        num_records=len(rows),
        digest=digest.hexdigest(),
    )


def _clear(work: Path, out_dir: Path) -> None:
    for folder in (work, out_dir):
        shutil.rmtree(folder, ignore_errors=True)
    work.mkdir(parents=True)


def _publish(work: Path, out_dir: Path) -> None:
    (work / SPOOL).unlink()
    work.rename(out_dir)
