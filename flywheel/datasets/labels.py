"""Reading the label out of an answer. Pure.

An answer carries its label in brackets, `[[[Label]]]`; models also write `[[Label]]`, `[Label]`,
the bare label, add words around it, or break it over lines. What counts, in this order:

1. triple brackets, else double, else single ones. Single brackets count where they hold a known
   label or are the whole answer, because prose uses them for much else; a link such as
   `[text](address)` is none;
2. of several in the same kind of brackets, the last that is a known label, else the last one:
   a wordy answer quotes the options first and answers last;
3. without brackets, a known label that is the whole answer, or its last or first line, with or
   without 'Label:' before it;
4. otherwise there is no label, and None is returned; never a label called "unknown".

White space inside a label is collapsed, `**`, backticks and quotes around it are dropped. A label
that differs from a known one only in case, white space, or a punctuation mark at its end is that
known one. A label has at most 200 characters.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

LONGEST_LABEL = 200

_TRIPLE = re.compile(r"\[\[\[([^\[\]]*)\]\]\]")
_TRIPLE_NESTED = re.compile(r"\[\[\[(?!\[)(.{1,300}?)\]\]\](?!\])", re.DOTALL)  # '[[[A [b]]]]'
_DOUBLE = re.compile(r"\[\[([^\[\]]*)\]\]")
_SINGLE = re.compile(r"\[([^\[\]]*)\](?!\()")
_PREFIX = re.compile(
    r"^[\s>*#-]*(?:\w+\s+)?(?:label|class|category|answer|topic|type)\s*(?:is)?[\s*]*[:=-]?\s*",
    re.IGNORECASE,
)
_QUOTES = " \"'`“”‘’"
_EDGES = " \t\r\n\"'`*.,;:!“”‘’"


class Labels:
    """The labels that a workload is known to use."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._canonical = {_key(label): label for label in known}

    def extract(self, answer: str) -> str | None:
        """The label of an answer, in its known spelling where it is known, or None."""
        if "[" in answer:
            for pattern in (_TRIPLE, _TRIPLE_NESTED, _DOUBLE):
                if found := _found(pattern, answer):
                    known = [known for label in found if (known := self.spelling(label))]
                    return known[-1] if known else found[-1]
            for label in reversed(_found(_SINGLE, answer)):
                if spelled := self.spelling(label):
                    return spelled
            if alone := _SINGLE.fullmatch(answer.strip()):
                return _label(alone[1])
        return self._bare(answer)

    def spelling(self, text: str) -> str | None:
        """The known spelling of a label, or None where it is not known."""
        key = _key(text)
        return self._canonical.get(key) or self._canonical.get(key.strip(_EDGES))

    def _bare(self, answer: str) -> str | None:
        if not self._canonical:
            return None
        lines = [line for line in answer.splitlines() if line.strip()]
        for text in (answer, *lines[-1:], *lines[:1]):
            if label := self.spelling(text) or self.spelling(_PREFIX.sub("", text, count=1)):
                return label
        return None


def extract_label(answer: str, known: frozenset[str] = frozenset()) -> str | None:
    """The label of an answer, or None where there is none; see the module for the rules."""
    return _labels(known).extract(answer)


def bracketed(answer: str) -> str | None:
    """The label in brackets, where no labels are known yet."""
    if answer.startswith("[[[") and answer.endswith("]]]") and answer.count("[") == 3:
        return _label(answer[3:-3])  # what nearly all answers look like
    return _NOTHING_KNOWN.extract(answer) if "[" in answer else None


def label_places(text: str) -> str:
    """A long text reduced to where a label may stand: first line, brackets, last line."""
    if len(text) <= LONGEST_LABEL:
        return text
    lines = [line[:LONGEST_LABEL] for line in text.splitlines() if line.strip()]
    brackets = [f"[{label}]" for label in _found(_SINGLE, text)]
    return "\n".join((*lines[:1], *brackets[-3:], *lines[-1:]))


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
        counts[" ".join(text.split()).strip(_EDGES)] += n
    repeated = {text: n for text, n in counts.items() if n > 1 and text}
    if not repeated or len(repeated) * 5 > sum(repeated.values()):
        return Labels()
    return Labels(set(spellings(repeated).values()))


def spellings(counts: Mapping[str, int]) -> dict[str, str]:
    """For each label seen, the most frequent spelling of it.

    Spellings differ in case and white space, and in a punctuation mark at the end where the
    label without it is the more frequent one ('Legal.' is 'Legal', 'U.S.' stays 'U.S.').
    """
    groups: dict[str, Counter[str]] = {}
    for label, n in counts.items():
        groups.setdefault(_key(label), Counter())[label] += n
    for key in sorted(groups):
        plain = key.rstrip(".,;:!")
        if plain != key and plain in groups and groups[plain].total() > groups[key].total():
            groups[plain] += groups.pop(key)
    return {
        label: min(group.items(), key=lambda item: (-item[1], item[0]))[0]
        for group in groups.values()
        for label in group
    }


@lru_cache(maxsize=16)
def _labels(known: frozenset[str]) -> Labels:
    return Labels(known)


def _found(pattern: re.Pattern[str], answer: str) -> list[str]:
    return [label for text in pattern.findall(answer) if (label := _label(text))]


def _label(text: str) -> str | None:
    """What stands between the brackets, as a label."""
    label = " ".join(text.split())
    if len(label) > LONGEST_LABEL:
        return None
    if label.startswith("**") and label.endswith("**"):
        label = label[2:-2]
    return label.strip(_QUOTES) or None


def _key(label: str) -> str:
    return " ".join(label.split()).casefold()


_NOTHING_KNOWN = Labels()
