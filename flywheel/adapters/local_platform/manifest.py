"""Checksums beside a model's files: what was saved is what is used. Light to import."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flywheel.errors import DataError

_MANIFEST = "SHA256SUMS"  # one line per file, as sha256sum writes and checks it


@contextmanager
def replacing(directory: Path) -> Iterator[Path]:
    """A folder to fill, which then takes the place of `directory`: all or nothing."""
    draft = directory.with_name(f".{directory.name}.{os.getpid()}")
    draft.mkdir(parents=True)
    try:
        yield draft
        shutil.rmtree(directory, ignore_errors=True)
        draft.rename(directory)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def write_manifest(directory: Path) -> str:
    """Write the checksums of all files in `directory`; returns their own digest, hex."""
    lines = "".join(f"{sha256(file)}  {file.name}\n" for file in sorted(directory.iterdir()))
    (directory / _MANIFEST).write_text(lines)
    return hashlib.sha256(lines.encode()).hexdigest()


def check_files(directory: Path, digest: str | None = None) -> None:
    """Compare the files of `directory` with their checksums, and those with `digest`.

    Raises DataError where a file is missing or not the one that was saved.
    """
    try:
        lines = (directory / _MANIFEST).read_bytes()
        if digest is not None and hashlib.sha256(lines).hexdigest() != digest:
            raise _changed(directory / _MANIFEST)
        for line in lines.decode().splitlines():
            expected, name = line.split("  ", 1)
            if sha256(directory / name) != expected:
                raise _changed(directory / name)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(
            f"The model {directory} is not complete: {error.filename} is missing.",
            "Start a new run to train the model again.",
        ) from error
    except OSError as error:
        raise DataError(
            f"The model {directory} cannot be read: {error.strerror}.", "Check its permissions."
        ) from error
    except ValueError as error:  # no text, or no checksums
        raise _changed(directory / _MANIFEST) from error


def sha256(path: Path) -> str:
    """Of a file's content, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size_bytes(directory: Path) -> int:
    """Size of all files of the model."""
    return sum(file.stat().st_size for file in directory.iterdir())


def _changed(path: Path) -> DataError:
    return DataError(
        f"{path} is not the file that training wrote.",
        "Start a new run to train the model again.",
    )
