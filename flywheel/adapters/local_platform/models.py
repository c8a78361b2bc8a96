"""Trained models on disk: a directory with the pipeline, a card and checksums."""

import hashlib
import os
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

import joblib
from pydantic import BaseModel, Field

from flywheel.adapters.local_platform.students import Model, Params, Trained
from flywheel.errors import DataError

_MANIFEST = "SHA256SUMS"  # one line per file, as sha256sum writes and checks it


class ModelCard(BaseModel):
    """`model.json`: where a model comes from."""

    candidate: str
    params: Params = Field(description="The hyper-parameters used, the seed among them")
    labels: list[str]
    train_records: int
    train_digest: str = Field(description="sha256 of the training file, hex")
    versions: dict[str, str] = Field(description="Of what the model needs to be loaded")


def save(directory: Path, candidate: str, trained: Trained, labels: list[str], train: Path) -> str:
    """Write the model as `directory`, all or nothing, in place of what is there.

    Returns the digest: the sha256 of the list of the files' sha256.
    """
    draft = directory.with_name(f".{directory.name}.{os.getpid()}")
    draft.mkdir(parents=True)
    try:
        joblib.dump(trained.model, draft / "model.joblib")
        card = ModelCard(
            candidate=candidate,
            params=trained.params,
            labels=sorted(set(labels)),
            train_records=len(labels),
            train_digest=_sha256(train),
            versions={
                "python": sys.version.split()[0],
                **{name: version(name) for name in ("scikit-learn", "numpy", "scipy", "joblib")},
            },
        )
        (draft / "model.json").write_text(card.model_dump_json(indent=2) + "\n")
        manifest = "".join(f"{_sha256(file)}  {file.name}\n" for file in sorted(draft.iterdir()))
        (draft / _MANIFEST).write_text(manifest)
        shutil.rmtree(directory, ignore_errors=True)
        draft.rename(directory)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return hashlib.sha256(manifest.encode()).hexdigest()


def load(directory: Path) -> Model:
    """The model of `directory`, after its files have been checked.

    Only for directories that `save` wrote on this machine: loading runs code from the file.
    Raises DataError where a file is missing or not the one that was saved.
    """
    try:
        for line in (directory / _MANIFEST).read_text().splitlines():
            digest, name = line.split("  ", 1)
            if _sha256(directory / name) != digest:
                raise DataError(
                    f"{directory / name} is not the file that training wrote.",
                    "Start a new run to train the model again.",
                )
    except FileNotFoundError as error:
        raise DataError(
            f"The model {directory} is not complete: {error.filename} is missing.",
            "Start a new run to train the model again.",
        ) from error
    model: Model = joblib.load(directory / "model.joblib")
    return model


def size_bytes(directory: Path) -> int:
    """Size of all files of the model."""
    return sum(file.stat().st_size for file in directory.iterdir())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
