"""Find names of models, workloads and classes in a question, however they are written."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from flywheel.insights.vocabulary import COMMON, canonical, may_name

# Parts that many model names share say nothing about which model is meant.
_EMPTY_PARTS = {"instruct", "model", "llm", "base", "chat", "meta", "nvidia", "the"}
_LONGEST_NAME = 4  # words


@dataclass
class Found:
    """The names found, in the order of the question, and the positions of their words."""

    names: list[str] = field(default_factory=list)
    used: set[int] = field(default_factory=set)


def squash(text: str) -> str:
    """Letters and digits only: 'TF-IDF svm' and 'tfidf-svm' are the same name."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def find(
    words: Sequence[str],
    names: Iterable[str],
    *,
    by_parts: bool,
    taken: Iterable[int] = (),
    common: bool = False,
) -> Found:
    """The `names` that `words` speak of: written in full, nearly so, or by a telling part.

    A part that several names share stands for all of them ('tfidf' for tfidf-svm and
    tfidf-logreg). Words at the positions `taken` are left alone. With `common` a telling word is
    taken for a part that is written just so ('support' for support_routing).
    """
    full = {key: name for name in names if (key := squash(name))}
    spots: list[tuple[int, str]] = []
    used = set(taken)
    for closeness in (1.0, 0.85):
        for start, end in _windows(len(words)):
            if used.isdisjoint(range(start, end)):
                name = _match(words[start:end], full, closeness)
                if name:
                    spots.append((start, name))
                    used.update(range(start, end))
    if by_parts:
        parts = _parts(full.values())
        for position, word in enumerate(words):
            if position in used or not may_name(word, common and word in parts):
                continue
            pair = [position, position + 1]
            joined = "".join(words[position : position + 2])
            if joined != word and joined in parts and not used.intersection(pair):  # 'mini lm'
                matched = parts[joined]
            else:
                pair, matched = [position], _by_part(word, parts)
            spots += [(position, name) for name in matched]
            used.update(pair if matched else [])
    ordered = [name for _, name in sorted(spots, key=lambda spot: spot[0])]
    return Found(list(dict.fromkeys(ordered)), used - set(taken))


def _windows(length: int) -> Iterable[tuple[int, int]]:
    """Spans of words, the longest first."""
    for size in range(min(_LONGEST_NAME, length), 0, -1):
        for start in range(length - size + 1):
            yield start, start + size


def _match(window: Sequence[str], full: dict[str, str], closeness: float) -> str | None:
    key = squash("".join(window))
    if closeness == 1.0:
        return full.get(key)
    if len(key) < 5 or window[0] in COMMON or window[-1] in COMMON:
        return None
    if len(begun := [name for known, name in full.items() if known.startswith(key)]) == 1:
        return begun[0]  # 'llama-3.2-3b' of llama-3.2-3b-instruct
    close = get_close_matches(key, full, n=1, cutoff=closeness)
    return full[close[0]] if close else None


def _parts(names: Iterable[str]) -> dict[str, list[str]]:
    parts: dict[str, list[str]] = {}
    for name in names:
        for part in re.split(r"[\s/_-]+", name.lower()):
            if part not in _EMPTY_PARTS and len(part) > 1 and not re.fullmatch(r"[\d.]+", part):
                parts.setdefault(part, []).append(name)
                family = re.match(r"[a-z]{3,}(?=\d)", part)  # 'qwen' of qwen2.5-7b
                if family and name not in parts.get(family[0], []):
                    parts.setdefault(family[0], []).append(name)
    return parts


def _by_part(word: str, parts: dict[str, list[str]]) -> list[str]:
    part = canonical(word)
    if part in parts:
        return parts[part]
    close = get_close_matches(part, parts, n=1, cutoff=0.86) if len(part) > 3 else []
    return parts[close[0]] if close else []
