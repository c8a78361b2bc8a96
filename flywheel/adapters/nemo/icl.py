"""Evaluation with examples in the prompt: which, and what is needed to ask so again."""

import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from flywheel.adapters.local_platform.manifest import check_files, write_manifest
from flywheel.adapters.nemo.facts import read_lines
from flywheel.datasets.labels import Labels
from flywheel.errors import DataError
from flywheel.evaluation.examples import Pool, shortlist
from flywheel.evaluation.likeness import Vectors, tfidf, unit
from flywheel.evaluation.prompts import (
    Example,
    read_example,
    request_text,
    request_tokens,
    tools_on_offer,
    with_examples,
)
from flywheel.ports.platform import ModelArtifact
from flywheel.settings import IclConfig

Embed = Callable[[Sequence[str]], Awaitable[NDArray[np.float32]]]
Likeness = Literal["none", "tf-idf", "embedding NIM", "endpoint"]
_CARD, _EXAMPLES = "card.json", "examples.jsonl"


class Card(BaseModel):
    """A base model with examples, as it was evaluated."""

    model: str
    labels: list[str]
    icl: IclConfig
    likeness: Likeness
    seed: int
    examples: int = Field(description="To choose from")


class Prompted(NamedTuple):
    """Requests with examples in them."""

    rows: list[dict[str, Any]]  # the evaluation set's lines, their messages replaced
    without: int  # requests that had no room for enough examples


def likeness_of(icl: IclConfig) -> Likeness:
    """How alike examples are found."""
    if icl.example_selection == "uniform_distribution":
        return "none"
    similarity = icl.similarity_config
    embedder = None if similarity is None else similarity.embedding_nim_config
    if embedder is None or not embedder.model_name:
        return "tf-idf"
    if embedder.deployment_type == "local":
        return "embedding NIM"
    return "endpoint" if embedder.url else "tf-idf"


async def with_chosen(
    card: Card, lines: Sequence[Mapping[str, Any]], items: Sequence[dict[str, Any]], embed: Embed
) -> Prompted:
    """Put examples out of training lines into the requests of an evaluation set."""
    pool = Pool([one for one, _ in _examples(lines, card.labels)])
    requests = [item["request"] for item in items]
    vectors = None
    if card.likeness != "none" and pool.examples:
        questions = [request_text(request["messages"]) for request in requests]
        texts = [example.text for example in pool.examples]
        if card.likeness == "tf-idf":
            vectors = tfidf(texts, questions)
        else:
            found = unit(await embed([*texts, *questions]))
            vectors = Vectors(found[: len(texts)], found[len(texts) :])
    rows, without = [], 0
    for number, (item, request) in enumerate(zip(items, requests, strict=True)):
        chosen = pool.choose(
            card.icl,
            card.icl.prompt_tokens - request_tokens(request["messages"], request.get("tools")),
            tools_on_offer(request.get("tools")),
            None if vectors is None else vectors.likeness(number),
        )
        without += not chosen
        messages = with_examples(request["messages"], [pool.examples[i] for i in chosen])
        rows.append({**item, "request": {**request, "messages": messages}})
    return Prompted(rows, without)


def candidates_for(card: Card, lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The training lines that examples are chosen from."""
    found = _examples(lines, card.labels)
    if card.likeness != "none":
        return [line for _, line in found]
    by_id = {id(example): line for example, line in found}
    listed = shortlist([example for example, _ in found], card.icl.max_examples, card.seed)
    return [by_id[id(example)] for example in listed]


def save(directory: Path, card: Card, lines: Sequence[Mapping[str, Any]]) -> None:
    """Write what is needed to ask so again, all or nothing."""
    draft = directory.with_name(f".{directory.name}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    (draft / _EXAMPLES).write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    (draft / _CARD).write_text(card.model_dump_json(indent=2) + "\n")
    write_manifest(draft)
    shutil.rmtree(directory, ignore_errors=True)
    draft.rename(directory)


def load(directory: Path) -> tuple[Card, list[dict[str, Any]]]:
    """The same, after its files were checked. Raises DataError."""
    check_files(directory)
    card = Card.model_validate_json((directory / _CARD).read_bytes())
    return card, read_lines(directory / _EXAMPLES)


def artifact(directory: Path, digest: str) -> ModelArtifact:
    """What was saved, as a model that can be promoted."""
    card = Card.model_validate_json((directory / _CARD).read_bytes())
    return ModelArtifact(
        uri=str(directory),
        digest=digest,
        size_bytes=sum(file.stat().st_size for file in directory.iterdir()),
        train_records=card.examples,
        train_seconds=0.0,
        params={
            "model": card.model,
            "example_selection": card.icl.example_selection,
            "likeness": card.likeness,
            "max_examples": card.icl.max_examples,
            "seed": card.seed,
        },
    )


def _examples(lines: Sequence[Any], labels: list[str]) -> list[tuple[Example, dict[str, Any]]]:
    known, found = Labels(labels), []
    for number, line in enumerate(lines, start=1):
        try:
            example = read_example(line["messages"], known)
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"Line {number} of the training set is not a conversation.",
                "Start the run again to build it anew.",
            ) from error
        if example is not None:
            found.append((example, line))
    return found
