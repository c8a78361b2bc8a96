"""Which training records stand as examples in a prompt. Pure, and the same on every call."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flywheel.evaluation.prompts import Example
from flywheel.settings import IclConfig

Likeness = NDArray[np.float64]  # (examples,): how alike each is to the question, -1 to 1

DEFAULT_RELEVANCE = 0.7
_COVERED = 4.0  # more than two examples can differ in likeness


def shortlist(examples: Sequence[Example], most: int, seed: int) -> list[Example]:
    """What uniform choices are made from, in the order in which they are preferred.

    In a random order, `most` of each label (or combination of tools), and the `most` shortest of
    all, so that whatever fits a prompt is there.
    """
    order = np.random.default_rng(seed).permutation(len(examples)).tolist()
    taken: dict[str, int] = {}
    kept = set(sorted(range(len(examples)), key=lambda i: examples[i].tokens)[:most])
    for i in order:
        group = examples[i].group
        if taken.setdefault(group, 0) < most:
            taken[group] += 1
            kept.add(i)
    return [examples[i] for i in order if i in kept]


class Pool:
    """Examples to choose from; of equally good ones the earlier is taken."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self.examples = list(examples)
        self._tokens = np.array([one.tokens for one in self.examples], dtype=np.int64)
        names = {name: i for i, name in enumerate(dict.fromkeys(e.group for e in self.examples))}
        self._groups = np.array([names[one.group] for one in self.examples], dtype=np.int64)
        self._place = np.arange(len(self.examples), dtype=np.float64)

    def choose(
        self,
        icl: IclConfig,
        room: int,
        offered: frozenset[str] = frozenset(),
        likeness: Likeness | None = None,
    ) -> list[int]:
        """The examples for one question, as numbers in the pool, in the order of the prompt.

        As many as fit `room` tokens together, `max_examples` at most; none where they are fewer
        than `min_examples`. Examples that call tools which are not `offered` stand back where
        there are enough others. Without `likeness`, labels and tools are as even as they can be:
        models lean towards answers that are frequent among the examples (Zhao et al., ICML 2021).
        """
        picks = _Picks(self._tokens, self._usable(icl, offered), room, icl.max_examples)
        if picks.number < max(icl.min_examples, 1):
            return []
        if likeness is None:
            return self._evenly(picks)
        similarity = icl.similarity_config
        ratio = None if similarity is None else similarity.relevance_ratio
        return self._alike(picks, likeness, DEFAULT_RELEVANCE if ratio is None else ratio)

    def _usable(self, icl: IclConfig, offered: frozenset[str]) -> NDArray[np.bool_]:
        fits = np.array([one.called <= offered for one in self.examples], dtype=np.bool_)
        enough = max(icl.min_examples, 1)
        return fits if np.count_nonzero(fits) >= enough else np.ones_like(fits)

    def _evenly(self, picks: "_Picks") -> list[int]:
        times = np.zeros(len(self.examples), dtype=np.float64)  # how often the group was taken
        while picks.wanted:
            taken = picks.take(times * len(self.examples) + self._place)
            times += self._groups == self._groups[taken]
        return picks.taken

    def _alike(self, picks: "_Picks", likeness: Likeness, ratio: float) -> list[int]:
        """A share of the most alike (Liu et al., "What Makes Good In-Context Examples for
        GPT-3?", DeeLIO 2022), then those that bring labels or tools which are not there yet
        (Levy et al., "Diverse Demonstrations…", ACL 2023). The most alike stands last, next to
        the question.
        """
        relevant = int(picks.number * ratio + 0.5)
        covered = np.zeros(len(self.examples), dtype=np.bool_)
        while picks.wanted:
            coverage = len(picks.taken) >= relevant
            taken = picks.take(np.where(covered, _COVERED, 0.0) * coverage - likeness)
            covered |= self._groups == self._groups[taken]
        return sorted(picks.taken, key=lambda i: (likeness[i], -i))


class _Picks:
    """Takes examples one by one, and never so long a one that the next do not fit any more."""

    def __init__(
        self, tokens: NDArray[np.int64], usable: NDArray[np.bool_], room: int, most: int
    ) -> None:
        self.taken: list[int] = []
        self._tokens, self._free, self._room = tokens, usable.copy(), room
        shortest = np.cumsum(np.sort(_shortest(tokens[usable], most)))
        self.number = int(np.count_nonzero(shortest <= room))

    @property
    def wanted(self) -> int:
        """How many are still to be taken."""
        return self.number - len(self.taken)

    def take(self, cost: NDArray[np.float64]) -> int:
        """Take the one of the least cost that leaves room for the shortest others."""
        others = _shortest(self._tokens[self._free], self.wanted - 1)
        longest = self._room - int(others.sum())
        fits = self._free & (self._tokens <= longest)
        best = int(np.argmin(np.where(fits, cost, np.inf)))
        self._free[best] = False
        self._room -= int(self._tokens[best])
        self.taken.append(best)
        return best


def _shortest(lengths: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """The `number` smallest, in any order; all where there are no more."""
    return lengths if number >= len(lengths) else np.partition(lengths, number)[:number]
