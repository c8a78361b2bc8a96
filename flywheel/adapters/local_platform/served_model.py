"""What asking with examples leaves: where the model is, and how its prompts are made.

Whoever has this folder and the endpoint can ask again exactly as the evaluation did. The weights
are the endpoint's: nothing here can tell whether it serves the same ones tomorrow.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import orjson
from pydantic import BaseModel, Field, ValidationError

from flywheel.adapters.local_platform.manifest import check_files, replacing, write_manifest
from flywheel.errors import DataError
from flywheel.settings import IclConfig, ServedCandidateConfig

CARD = "served.json"
EXAMPLES = "examples.jsonl"

Method = Literal["tfidf", "minilm", "endpoint"]


class ServedCard(BaseModel):
    """`served.json`."""

    endpoint: ServedCandidateConfig
    icl: IclConfig
    likeness: Method | None = Field(description="How likeness is measured; None where it is not")
    seed: int
    labels: list[str]
    train_digest: str = Field(description="sha256 of the training file, hex")


def is_served(directory: Path) -> bool:
    """Whether the model there is a served one."""
    return (directory / CARD).exists()


def save(directory: Path, card: ServedCard, records: Iterable[object]) -> str:
    """Write the card, and the records that examples are chosen from, in their order.

    Returns the digest: the sha256 of the list of the files' sha256.
    """
    with replacing(directory) as draft:
        (draft / CARD).write_text(card.model_dump_json(indent=2) + "\n")
        with (draft / EXAMPLES).open("wb") as file:
            for record in records:
                file.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
        return write_manifest(draft)


def load(directory: Path) -> ServedCard:
    """The card, after the files have been checked.

    Raises DataError where a file is missing or not the one that was saved, or is of a version
    that this one cannot read.
    """
    check_files(directory)
    try:
        return ServedCard.model_validate_json((directory / CARD).read_bytes(), extra="ignore")
    except ValidationError as error:
        raise DataError(
            f"{directory / CARD} is of another version of flywheel.",
            "Start a new run to make it anew.",
        ) from error
