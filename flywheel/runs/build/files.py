"""The files that a build leaves."""

from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Literal

import orjson
from pydantic import BaseModel, Field

from flywheel.datasets.classes import Classes
from flywheel.datasets.duplicates import Numbers
from flywheel.datasets.formats import evaluation_line, training_line
from flywheel.datasets.reading import asked_text
from flywheel.datasets.split import Rows
from flywheel.records import parse_record
from flywheel.runs.build.spool import LogPass

SetName = Literal["train", "val", "eval"]

CONFLICTS = "conflicts.jsonl"
_WRITTEN_AT_ONCE = 1000


class DatasetFile(BaseModel):
    """One file of a run."""

    name: SetName
    path: Path
    num_records: int
    digest: str = Field(description="sha256, hex")


class Folders(BaseModel):
    """Files are written to `work`; they will be in `final` once all of them are there."""

    work: Path
    final: Path


def write_set(
    log: LogPass, name: SetName, rows: Rows, classes: Classes, parse: bool, folders: Folders
) -> DatasetFile:
    """Write these records in the format of their set."""

    def line(row: int) -> bytes:
        if name == "eval":
            return evaluation_line(log.body(row), classes.names[classes.of_row[row]], parse)
        return training_line(log.body(row), parse)

    return write_lines(name, (line(row) for row in rows.tolist()), len(rows), folders)


def write_lines(
    name: SetName, lines: Iterable[bytes], num_records: int, folders: Folders
) -> DatasetFile:
    """Write lines that are ready, each with its line break."""
    digest = sha256()
    with (folders.work / f"{name}.jsonl").open("wb") as file:
        for text in _joined(lines):
            digest.update(text)
            file.write(text)
    return DatasetFile(
        name=name,
        path=folders.final / f"{name}.jsonl",
        num_records=num_records,
        digest=digest.hexdigest(),
    )


def write_conflicts(
    log: LogPass, conflicts: list[Numbers], classes: Classes, folders: Folders
) -> Path | None:
    """List the texts that have several labels; None where there are none."""
    if not conflicts:
        return None
    with (folders.work / CONFLICTS).open("wb") as file:
        for rows in conflicts:
            labels = Counter(classes.names[classes.of_row[row]] for row in rows.tolist())
            label, votes = labels.most_common(1)[0]
            line = {
                "text": asked_text(parse_record(log.body(int(rows[0]))).request),
                "labels": dict(labels.most_common()),
                "kept": label if 2 * votes > len(rows) else None,
            }
            file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
    return folders.final / CONFLICTS


def _joined(lines: Iterable[bytes]) -> Iterator[bytes]:
    some: list[bytes] = []
    for line in lines:
        some.append(line)
        if len(some) == _WRITTEN_AT_ONCE:
            yield b"".join(some)
            some.clear()
    yield b"".join(some)
