"""Vectors of texts from an endpoint that speaks OpenAI's embeddings."""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import SecretStr

from flywheel.adapters.openai_http import EMBEDDINGS, Endpoint, RequestFailedError
from flywheel.errors import SettingsError, UnavailableError
from flywheel.settings.endpoints import EmbedderConfig

BATCH = 32  # texts in a request
LONGEST = 1500  # characters of a text; most embedders read 512 tokens
_SETTING = "icl_config.similarity_config.embedding_nim_config"


async def embed(
    config: EmbedderConfig, api_key: SecretStr | None, texts: Sequence[str]
) -> NDArray[np.float32]:
    """One row per text, in order.

    Raises SettingsError where no url and model are named, UnavailableError where a batch is not
    embedded after all attempts.
    """
    if not config.url or not config.model_name:
        raise SettingsError(
            f"{_SETTING} names no url and model_name.",
            "Set both, or neither: then likeness is worked out on this machine.",
        )
    batches = [texts[first : first + BATCH] for first in range(0, len(texts), BATCH)]
    found: dict[int, NDArray[np.float32]] = {}
    slots = asyncio.Semaphore(config.max_concurrent_requests)
    async with Endpoint(
        who="The embedder",
        setting=_SETTING,
        variable="FLYWHEEL_EMBEDDING_API_KEY",
        url=config.url,
        path=EMBEDDINGS,
        model=config.model_name,
        api_key=api_key,
        requests=config,
    ) as endpoint:

        async def fetch(number: int, batch: Sequence[str]) -> None:
            # Half a surrogate pair has no bytes, and endpoints refuse an empty text.
            clean = [text[:LONGEST].encode("utf-8", "replace").decode() or " " for text in batch]
            body = {"model": config.model_name, "input": clean}

            def read(content: Any) -> NDArray[np.float32] | None:
                rows = sorted(content["data"], key=lambda one: one["index"])
                vectors = np.array([one["embedding"] for one in rows], dtype=np.float32)
                return vectors if vectors.ndim == 2 and len(vectors) == len(batch) else None

            async with slots:
                reply = await endpoint.post(body, read, "list of embeddings", number % 8 / 7)
            found[number] = reply.value

        try:
            async with asyncio.TaskGroup() as group:
                for number, batch in enumerate(batches):
                    group.create_task(fetch(number, batch))
        except ExceptionGroup as errors:
            raise _plain(errors.exceptions[0], endpoint) from None
    return np.concatenate([found[number] for number in range(len(batches))])


def _plain(error: Exception, endpoint: Endpoint) -> Exception:
    if not isinstance(error, RequestFailedError):
        return error
    said = f" ({error.said})" if error.said else ""
    return UnavailableError(
        f"The embedder at {endpoint.shown} did not embed all texts: {error.why}{said}.",
        f"Try again, or leave out {_SETTING}.",
    )
