"""Whether a worded answer may be shown. Pure.

What it may hold: references to values that were looked up for this question, each beside the name
that it belongs to, and words. No other number, no address, no claim to have done something.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from flywheel.insights.values import Value
from flywheel.insights.wording.numbers import numbers_in, without_names, without_volumes
from flywheel.insights.wording.references import REFERENCE, references

_SENTENCES = re.compile(r"(?<=[.!?;:])\s+|(?<=[。！？])|\n+")
_ADDRESS = re.compile(r"https?:|www\.|\]\(|<[@#!]|<\w+[:|]|!\[", re.IGNORECASE)
_DONE = re.compile(
    r"\b(?:I|we)(?:['’]ve| have| just)*\s+(?:now\s+|just\s+|already\s+)?"
    r"(?:approved|promoted|rejected|cancelled|canceled|started|deleted|rolled back|scheduled)\b",
    re.IGNORECASE,
)
_BRACES = re.compile(r"\{\{|\}\}")
_NAMES_WITH_DIGITS = ("F1", "macro-F1", "weighted-F1")
LONGEST = 2500  # characters of an answer


@dataclass(frozen=True)
class Material:
    """What an answer may speak of."""

    values: Mapping[str, Value]  # that tools have returned, by id
    names: Sequence[str]  # runs, models, workloads, classes, tools
    models: Sequence[str]  # those of the names that are models
    question: str
    looked_up: bool = True  # a tool has answered


def problems(text: str, material: Material) -> list[str]:
    """One sentence for each thing that is wrong with it; none where it may be shown."""
    if not text.strip():
        return ["The answer is empty."]
    found = [] if material.looked_up else ["Look it up with the tools first."]
    if len(text) > LONGEST:
        found.append("The answer is too long.")
    unknown = [one for one in references(text) if one not in material.values]
    found += [f"{{{{v:{one}}}}} is no value that a tool has returned." for one in unknown]
    words = REFERENCE.sub(" ", text)
    if _BRACES.search(words):
        found.append("A reference is malformed; write {{v:ID}} with the id of a value.")
    found += [
        f"'{number}' is a number of your own; refer to a value." for number in _own(words, material)
    ]
    if _ADDRESS.search(words):
        found.append("Write no links, images or mentions.")
    if _DONE.search(words):
        found.append("You cannot do anything; do not say that you have.")
    if not unknown:
        found += _misplaced(text, material)
    return found


def _own(words: str, material: Material) -> list[str]:
    """Numbers that neither a value nor a name nor the question has given."""
    names = [*material.names, *_NAMES_WITH_DIGITS]
    left = without_volumes(without_names(words, names), material.question)
    return list(dict.fromkeys(numbers_in(left)))


def _misplaced(text: str, material: Material) -> list[str]:
    """References beside the name of another model, run or class than theirs."""
    found, last = [], ""
    for sentence in _SENTENCES.split(text):
        for match in REFERENCE.finditer(sentence):
            value = material.values[match[1]]
            mine = [name for name in value.of if name in material.models]
            near = _nearest(sentence, match.start(), material.models) or last
            if mine and near and near not in mine:
                found.append(f"{{{{v:{value.id}}}}} is of {mine[0]}, but stands beside {near}.")
            runs = [name for name in material.names if re.fullmatch(r"r-\d+", name)]
            run = _nearest(sentence, match.start(), runs)
            if value.run and run and run != value.run:
                found.append(f"{{{{v:{value.id}}}}} is of {value.run}, but stands beside {run}.")
            found += _of_another_class(sentence, match, value, material)
        named = _positions(REFERENCE.sub(" ", sentence), material.models)
        last = named[-1][1] if named else last
    return list(dict.fromkeys(found))


def _of_another_class(
    sentence: str, match: re.Match[str], value: Value, material: Material
) -> list[str]:
    classes = [n for n in value.of if n not in material.models]
    if not classes or value.run is None:
        return []
    others = [n for n in material.names if n not in material.models and n != value.run]
    near = _nearest(sentence, match.start(), [n for n in others if not re.fullmatch(r"r-\d+", n)])
    if not near or near in classes or any(near in n or n in near for n in classes):
        return []
    return [f"{{{{v:{value.id}}}}} is of {classes[0]}, but stands beside {near}."]


def _nearest(sentence: str, at: int, names: Iterable[str]) -> str:
    """The name before that position that is nearest to it, else the first one after it."""
    hidden = REFERENCE.sub(lambda match: " " * len(match[0]), sentence)
    found = _positions(hidden, names)
    before = [name for start, name in found if start < at]
    after = [name for start, name in found if start > at]
    return before[-1] if before else (after[0] if after else "")


def _positions(text: str, names: Iterable[str]) -> list[tuple[int, str]]:
    """Where the names are, the longest first where one is a part of another."""
    spots: list[tuple[int, str]] = []
    for name in sorted(set(names), key=len, reverse=True):
        pattern = re.compile(r"(?<![\w.-])" + re.escape(name) + r"(?![\w-])", re.IGNORECASE)
        spots += [(match.start(), name) for match in pattern.finditer(text)]
        text = pattern.sub(lambda match: "\0" * len(match[0]), text)
    return sorted(spots)
