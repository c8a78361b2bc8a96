"""Reading the label out of an answer.

An answer carries its label in brackets, `[[[Label]]]`; models also write `[[Label]]`, `[Label]`,
the bare label, add words around it, or break it over lines. What counts, in this order:

1. triple brackets, else double, else single ones; a link such as `[text](address)` is none;
2. of several in the same kind of brackets, the last that is a known label, else the last one:
   a wordy answer quotes the options first and answers last;
3. without brackets, a known label that is the whole answer, or its last or first line, with or
   without 'Label:' before it;
4. otherwise there is no label, and None is returned; never a label called "unknown".

White space inside a label is collapsed; a label that differs from a known one only in case or
white space is that known one. Single brackets count only around a known label where labels are
known, because prose uses them for much else.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

_TRIPLE = re.compile(r"\[\[\[([^\[\]]*)\]\]\]")
_DOUBLE = re.compile(r"\[\[([^\[\]]*)\]\]")
_SINGLE = re.compile(r"\[([^\[\]]*)\](?!\()")
_PREFIX = re.compile(
    r"^[\s>*#-]*(?:\w+\s+)?(?:label|class|category|answer|topic|type)\s*(?:is)?\s*[:=-]?\s*", re.I
)
_EDGES = " \t\r\n\"'`*.,;:!“”‘’"


class Labels:
    """The labels that a workload is known to use."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._canonical = {_key(label): label for label in known}

    def extract(self, answer: str) -> str | None:
        """The label of an answer, in its known spelling where it is known, or None."""
        for pattern in (_TRIPLE, _DOUBLE, _SINGLE):
            found = [label for text in pattern.findall(answer) if (label := _clean(text))]
            if found:
                known = [known for label in found if (known := self.spelling(label))]
                if known:
                    return known[-1]
                if pattern is not _SINGLE or not self._canonical:
                    return found[-1]
        return self._bare(answer)

    def spelling(self, text: str) -> str | None:
        """The known spelling of a label, or None where it is not known."""
        return self._canonical.get(_key(text))

    def _bare(self, answer: str) -> str | None:
        if not self._canonical:
            return None
        lines = [line for line in answer.splitlines() if line.strip()]
        for text in (answer, *lines[-1:], *lines[:1]):
            for candidate in (text, _PREFIX.sub("", text, count=1)):
                if label := self.spelling(candidate.strip(_EDGES)):
                    return label
        return None


def extract_label(answer: str, known: frozenset[str] = frozenset()) -> str | None:
    """The label of an answer, or None where there is none; see the module for the rules."""
    return _labels(known).extract(answer)


def bracketed(answer: str) -> str | None:
    """The label in brackets, where no labels are known yet."""
    if answer.startswith("[[[") and answer.endswith("]]]") and answer.count("[") == 3:
        return _clean(answer[3:-3]) or None  # what nearly all answers look like
    return _NOTHING_KNOWN.extract(answer) if "[" in answer else None


def known_labels(in_brackets: Mapping[str, int], texts: Mapping[str, int]) -> Labels:
    """The labels that a workload uses, learned from its answers (each with its number).

    Those in brackets, each in its most frequent spelling. Where no answer has brackets, and the
    answers are few texts over and over again (each at least twice, at most one text to five
    answers), the texts themselves are the labels.
    """
    if in_brackets:
        return Labels(set(spellings(in_brackets).values()))
    counts: Counter[str] = Counter()
    for text, n in texts.items():
        counts[_clean(text).strip(_EDGES)] += n
    repeated = {text: n for text, n in counts.items() if n > 1 and text}
    if not repeated or len(repeated) * 5 > sum(repeated.values()):
        return Labels()
    return Labels(set(spellings(repeated).values()))


def spellings(counts: Mapping[str, int]) -> dict[str, str]:
    """For each label seen, the most frequent spelling of it (case and white space aside)."""
    best: dict[str, Counter[str]] = {}
    for label, n in counts.items():
        best.setdefault(_key(label), Counter())[label] += n
    return {
        label: min(best[_key(label)].items(), key=lambda item: (-item[1], item[0]))[0]
        for label in counts
    }


_NOTHING_KNOWN = Labels()


@lru_cache(maxsize=16)
def _labels(known: frozenset[str]) -> Labels:
    return Labels(known)


def _clean(text: str) -> str:
    return " ".join(text.split())


def _key(label: str) -> str:
    return _clean(label).casefold()
