"""How alike questions are: cosines of vectors. Pure."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_WORD = r"(?u)\b\w+\b"  # one-character words too: there are languages full of them


class Vectors(NamedTuple):
    """Unit vectors, one a row: of the examples and of the questions. Dense, or scipy's sparse."""

    examples: Any
    questions: Any

    def likeness(self, row: int) -> NDArray[np.float64]:
        """The cosine of one question with every example."""
        question = self.questions[row]
        product = self.examples @ (question if question.ndim == 1 else question.T)
        dense = product.toarray() if hasattr(product, "toarray") else product
        return np.asarray(dense, dtype=np.float64).ravel()


def tfidf(examples: Sequence[str], questions: Sequence[str]) -> Vectors:
    """TF-IDF of words and pairs of words (Salton & Buckley, 1988), learned from the examples.

    Where those hold no words, nothing is alike.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(token_pattern=_WORD, ngram_range=(1, 2), sublinear_tf=True)
    if not any(any(c.isalnum() for c in text) for text in examples):
        return Vectors(np.zeros((len(examples), 1)), np.zeros((len(questions), 1)))
    return Vectors(vectorizer.fit_transform(examples), vectorizer.transform(questions))


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each row at length 1; a row of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    unit_rows: NDArray[np.float32] = vectors / lengths
    return unit_rows
