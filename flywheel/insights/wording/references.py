"""References to values, `{{v:r-12/tfidf-svm/macro_f1}}`, and what stands in their place."""

import re
from collections.abc import Mapping

from flywheel.insights.values import Value

REFERENCE = re.compile(r"\{\{\s*v:\s*([^{}]+?)\s*\}\}")
_BEFORE = 40  # characters in which the measure may have been named already


def references(text: str) -> list[str]:
    """The ids that a text refers to, each once, in its order."""
    return list(dict.fromkeys(REFERENCE.findall(text)))


def rendered(text: str, values: Mapping[str, Value]) -> str:
    """The text with digits in the place of references; a score is named by what it measures.

    Raises KeyError for an id that there is not.
    """

    def digits(match: re.Match[str]) -> str:
        value = values[match[1]]
        before = REFERENCE.sub(" ", text[: match.start()])[-_BEFORE:].lower()
        if not value.is_score or value.measure.lower() in before:
            return value.words
        return f"{value.measure} {value.shown}"

    return REFERENCE.sub(digits, text)
