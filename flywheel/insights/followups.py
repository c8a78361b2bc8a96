"""Follow-ups: 'and the 3B?' asks of another model what the question before asked. Pure."""

import re
from collections.abc import Sequence

from flywheel.insights.names import find
from flywheel.insights.question import Question

_OPENING = re.compile(
    r"^(and|or|what about|how about|(the )?same\b.{0,12}\b(for|with)|now|also|but)\b"
)
_FILLERS = re.compile(
    r"^(and|or|also|but)?\s*(what about|how about|(the )?same\b.{0,12}\b(for|with)|now|with|against"
    r"|for|at)?\b"
)
_AMOUNT = re.compile(
    r"\b(?:at|with|for)?\s*\d[\d,.]*\s*(?:k|m|mio|mln|thousand|million|bn|billion)?\b"
    r"(?:\s+(?:requests?|calls?|queries|records))?(?!\s*b\b)"
)
_LONGEST = 8  # words of a follow-up


def is_follow_up(question: Question) -> bool:
    """Whether it says nothing without the question before."""
    return len(question.words) <= _LONGEST and _OPENING.search(question.text) is not None


def resolved(
    question: Question, before: Question, models: Sequence[str], labels: Sequence[str]
) -> Question:
    """The question before, about what this one names; one that stands alone is left as it is."""
    if not is_follow_up(question):
        return question
    text = before.text
    for names, by_parts in ((models, True), (labels, False)):
        if find(question.words, names, by_parts=by_parts).names:
            found = find(before.words, names, by_parts=by_parts)
            keep = "compare" in before.text and "against" in question.text
            named = sorted(found.used)[1:] if keep else found.used
            gone = {before.words[position] for position in named}
            for word in gone:
                text = re.sub(rf"(?<![\w-]){re.escape(word)}(?![\w-])", " ", text)
    if question.amount is not None:
        text = _AMOUNT.sub(" ", text)
    if question.run_refs:
        text = re.sub(r"\b(?:r-?|run )\d+\b", " ", text)
    rest = _FILLERS.sub("", question.text)
    joined = " ".join(f"{text.rstrip('?!. ')} {rest}".split())
    return Question.of(joined, question.quoted or before.quoted)
