"""Groups of texts that nearly repeat each other: MinHash of their shingles. Pure."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
_Shingles = NDArray[np.uint32]

_PERMUTATIONS = 128  # the similarity is estimated to about 0.035 (its standard error at 0.8)
_SHINGLE = 5  # characters
_FOUND = 0.999  # of the pairs exactly at the threshold
_SAMPLE = 1000  # texts by which is learned what most of them share
_SMALLEST_SAMPLE = 20  # of fewer, what they share may be what makes them alike
_COMMON = 0.5  # of the sample
_NEIGHBOURS = 16  # of a bucket, that each text is compared with
_COMPARED_AT_ONCE = 10_000
_FACTOR = np.uint32(0x01000193)


class SimilarTexts:
    """Takes texts one by one and says at the end which belong together.

    The similarity of two texts is the Jaccard index of their sets of five-character shingles,
    estimated by MinHash (Broder, On the resemblance and containment of documents, 1997) and
    looked for by banding (Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, chapter
    3). Shingles that more than half of the first 1,000 texts hold are left out: the instructions
    that every request of a workload repeats say nothing about two of them being alike. Memory:
    512 bytes a text.
    """

    def __init__(self, threshold: float) -> None:
        from datasketch import MinHash  # slow to import

        self._threshold = threshold
        self._rows_per_band = _rows_per_band(threshold)
        self._minhash = MinHash(num_perm=_PERMUTATIONS, seed=1, hashfunc=_as_it_is)
        self._sample: list[_Shingles] | None = []
        self._common: _Shingles = np.zeros(0, dtype=np.uint32)
        self._signatures = bytearray()

    def add(self, text: str) -> None:
        """Take the next text, as `normalise.near_key` leaves it."""
        shingles = _shingles(text)
        if self._sample is None:
            self._sign(shingles)
            return
        self._sample.append(shingles)
        if len(self._sample) == _SAMPLE:
            self._end_sample()

    def groups(self) -> Numbers:
        """A group number for each text, in the order in which they came."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        self._end_sample()
        signatures = np.frombuffer(self._signatures, dtype=np.uint32).reshape(-1, _PERMUTATIONS)
        n = len(signatures)
        if not n:
            return np.zeros(0, dtype=np.int64)
        one, other = self._alike(signatures)
        graph = coo_array((np.ones(len(one), dtype=np.int8), (one, other)), shape=(n, n))
        found: Numbers = connected_components(graph, directed=False)[1].astype(np.int64)
        return found

    def _end_sample(self) -> None:
        sample, self._sample = self._sample, None
        if not sample:
            return
        seen, times = np.unique(np.concatenate([np.unique(s) for s in sample]), return_counts=True)
        if len(sample) >= _SMALLEST_SAMPLE:
            self._common = seen[times > _COMMON * len(sample)]
        for shingles in sample:
            self._sign(shingles)

    def _sign(self, shingles: _Shingles) -> None:
        if len(self._common):
            telling = shingles[~np.isin(shingles, self._common)]
            shingles = telling if len(telling) else shingles
        self._minhash.clear()
        self._minhash.update_batch(shingles.tolist())
        self._signatures += self._minhash.hashvalues.tobytes()

    def _alike(self, signatures: NDArray[np.uint32]) -> tuple[Numbers, Numbers]:
        """Pairs of texts that are as similar as the threshold asks."""
        n = len(signatures)
        pairs = np.unique(np.concatenate([np.zeros(0, np.int64), *self._candidates(signatures)]))
        found = [np.zeros(0, dtype=np.int64)]
        for start in range(0, len(pairs), _COMPARED_AT_ONCE):
            some = pairs[start : start + _COMPARED_AT_ONCE]
            same = signatures[some // n] == signatures[some % n]
            found.append(some[same.mean(axis=1) >= self._threshold])
        alike = np.concatenate(found)
        return alike // n, alike % n

    def _candidates(self, signatures: NDArray[np.uint32]) -> Iterator[Numbers]:
        """Pairs that agree in a whole band, as `one * n + other`."""
        n, rows = len(signatures), self._rows_per_band
        for first in range(0, _PERMUTATIONS, rows):
            bucket = np.zeros(n, dtype=np.uint64)
            for column in range(first, first + rows):
                bucket = bucket * np.uint64(0x9E3779B97F4A7C15) + signatures[:, column]
            order = np.argsort(bucket, kind="stable")
            ordered = bucket[order]
            for lag in range(1, _NEIGHBOURS):
                (places,) = np.nonzero(ordered[lag:] == ordered[:-lag])
                if not len(places):
                    break
                one, other = order[places], order[places + lag]
                yield np.minimum(one, other) * n + np.maximum(one, other)


def _as_it_is(shingle: int) -> int:
    """They are hashes already, of 32 bits."""
    return shingle


def _rows_per_band(threshold: float) -> int:
    """As many as still find nearly all pairs at the threshold; fewer find more, and cost more."""
    for rows in (32, 16, 8, 4, 2):
        bands = _PERMUTATIONS // rows
        if 1 - (1 - threshold**rows) ** bands >= _FOUND:
            return rows
    return 1


def _shingles(text: str) -> _Shingles:
    """A hash of every run of five characters; of a shorter text one of all of it."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    size = min(_SHINGLE, len(codes))
    last = len(codes) - size + 1
    hashes = np.zeros(last, dtype=np.uint32)
    for offset in range(size):
        hashes = hashes * _FACTOR + codes[offset : offset + last]
    return hashes
