"""Which students there are. Light to import: the learning itself is in `students`."""

import difflib
from collections.abc import Sequence

from flywheel.errors import InvalidInputError
from flywheel.ports.platform import CandidateSpec

BASE_LABEL = "most frequent label of the training set"

_DESCRIPTIONS = {
    "tfidf-svm": "linear SVM on word and character TF-IDF: the most accurate, seconds to train",
    "tfidf-logreg": "logistic regression on word TF-IDF: gives probabilities, a second to train",
    "hashing-sgd": "logistic regression by SGD on hashed words: the smallest and fastest",
}


def student(name: str) -> CandidateSpec:
    """The student of that name. Raises InvalidInputError, naming the nearest, where none has it."""
    if name not in _DESCRIPTIONS:
        nearest = difflib.get_close_matches(name, _DESCRIPTIONS, n=1, cutoff=0.5)
        hint = f"Did you mean '{nearest[0]}'? " if nearest else ""
        raise InvalidInputError(
            f"The local platform has no candidate '{name}'.",
            f"{hint}It has: {', '.join(_DESCRIPTIONS)}.",
        )
    return CandidateSpec(name=name, description=_DESCRIPTIONS[name], base_label=BASE_LABEL)


def students(names: Sequence[str]) -> list[CandidateSpec]:
    """The students of those names, in that order."""
    return [student(name) for name in names]
