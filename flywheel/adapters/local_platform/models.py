"""Trained models on disk: a directory with the pipeline, a card and checksums."""

import sys
from importlib.metadata import version
from pathlib import Path

import joblib
from pydantic import BaseModel, Field

from flywheel.adapters.local_platform.manifest import check_files, replacing, sha256, write_manifest
from flywheel.adapters.local_platform.students import Model, Params, Trained


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
    with replacing(directory) as draft:
        joblib.dump(trained.model, draft / "model.joblib")
        card = ModelCard(
            candidate=candidate,
            params=trained.params,
            labels=sorted(set(labels)),
            train_records=len(labels),
            train_digest=sha256(train),
            versions={
                "python": sys.version.split()[0],
                **{name: version(name) for name in ("scikit-learn", "numpy", "scipy", "joblib")},
            },
        )
        (draft / "model.json").write_text(card.model_dump_json(indent=2) + "\n")
        return write_manifest(draft)


def load(directory: Path) -> Model:
    """The model of `directory`, after its files have been checked.

    Only for directories that `save` wrote on this machine: loading runs code from the file.
    Raises DataError where a file is missing or not the one that was saved.
    """
    check_files(directory)
    model: Model = joblib.load(directory / "model.joblib")
    return model
