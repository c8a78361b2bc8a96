"""Frozen evaluation sets: used again letter by letter, and never trained on."""

from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import orjson
from pydantic import BaseModel, Field

from flywheel.datasets.reading import asked_by_evaluation_line
from flywheel.datasets.report import FrozenUse
from flywheel.errors import DataError
from flywheel.runs.build.spool import LogPass


class FrozenFile(BaseModel):
    """A frozen evaluation set, on its way into a build."""

    path: Path
    use: FrozenUse
    in_force: bool = Field(description="Evaluate on it; otherwise it is only kept from training")


class FrozenRecord(NamedTuple):
    """What was asked, as a number that equal records of the log share, and its class."""

    near: int
    label: str


def read_frozen(file: FrozenFile, log: LogPass) -> list[FrozenRecord]:
    """The records of a frozen set; their texts join those of the log.

    Raises DataError where the file is gone or not the one that was frozen.
    """
    return [_record(line, log) for line in checked_text(file).splitlines()]


def checked_text(file: FrozenFile) -> bytes:
    """The whole file. Raises DataError where it is gone or not the one that was frozen."""
    try:
        text = file.path.read_bytes()
    except OSError as error:
        raise _gone(file, error.strerror or str(error)) from error
    if sha256(text).hexdigest() != file.use.digest:
        raise _gone(file, "it is not the file that was frozen")
    return text


def _record(line: bytes, log: LogPass) -> FrozenRecord:
    near, text = asked_by_evaluation_line(line)
    log.add_text(near, text)
    return FrozenRecord(near, orjson.loads(line)["label"])


def _gone(file: FrozenFile, why: str) -> DataError:
    return DataError(
        f"The frozen evaluation set {file.path} cannot be used: {why}.",
        "Bring the file back from a backup, or give the set up with `flywheel eval-set release`.",
    )
