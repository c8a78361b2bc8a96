"""The pass over the log: a few numbers per record are kept, the records wait in a file.

So memory does not grow with their size.
"""

import os
from array import array
from collections import Counter
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from flywheel.datasets.reading import bad_arguments, read
from flywheel.datasets.similar import SimilarTexts
from flywheel.datasets.teacher import TeacherTally
from flywheel.records import RecordError, parse_record, reason_class
from flywheel.settings import DataSplitConfig

SPOOL = "spool"

Numbers = NDArray[np.int64]


class LogPass:
    """What is known of the log's valid records, by row: the newest is row 0."""

    def __init__(self, spool: BinaryIO, config: DataSplitConfig) -> None:
        self._spool = spool
        self._parse = config.parse_function_arguments
        self._kind = array("b")
        self._answer = array("q")  # number of the answer in `_answers`
        self._answers: dict[str, int] = {}
        self._exact = array("q")
        self._near = array("q")
        self._timestamp = array("d")
        self._offset = array("q")
        self._length = array("l")
        self._end = 0
        self._texts: dict[int, int] = {}  # by `near`: number of the text in `_similar`
        threshold = config.near_duplicate_threshold
        self._similar = None if threshold is None else SimilarTexts(threshold)
        self.read = 0
        self.invalid: Counter[str] = Counter()
        self.teacher = TeacherTally()

    def add(self, bodies: list[bytes]) -> None:
        """Check and reduce a batch; all of it goes to the spool, whatever becomes of it."""
        offset = self._end
        for body in bodies:
            start, offset = offset, offset + len(body)
            try:
                record = parse_record(body)
            except RecordError as error:
                self.invalid[reason_class(str(error))] += 1
                continue
            if self._parse and bad_arguments(record.answer):
                self.invalid["the arguments of a tool call are no JSON object"] += 1
                continue
            kind, answer, exact, near, text = read(record)
            self._kind.append(kind)
            self._answer.append(self._answers.setdefault(answer, len(self._answers)))
            self._exact.append(exact)
            self._near.append(near)
            self._timestamp.append(record.timestamp)
            self._offset.append(start)
            self._length.append(len(body))
            self.teacher.add(record)
            self.add_text(near, text)
        self._spool.write(b"".join(bodies))
        self.read += len(bodies)
        self._end = offset

    def add_text(self, near: int, text: str) -> None:
        """Remember a text for `groups`, once for all that have its `near`."""
        if self._similar is not None and near not in self._texts:
            self._texts[near] = len(self._texts)
            self._similar.add(text)

    def body(self, row: int) -> bytes:
        """The record as it was logged."""
        return os.pread(self._spool.fileno(), self._length[row], self._offset[row])

    def flush(self) -> None:
        """Everything can be read from the spool now."""
        self._spool.flush()

    @property
    def kinds(self) -> Numbers:
        """What each answer holds: LABEL, TEXT or TOOLS."""
        return _numbers(self._kind)

    @property
    def answers(self) -> Numbers:
        """Each answer, as a number of `answer_texts`."""
        return _numbers(self._answer)

    @property
    def answer_texts(self) -> list[str]:
        """Every answer that occurs, once."""
        return list(self._answers)

    @property
    def exact(self) -> Numbers:
        """Equal for records that ask the same, letter by letter."""
        return _numbers(self._exact)

    @property
    def near(self) -> Numbers:
        """Equal for records that ask the same but for case, white space, links, punctuation."""
        return _numbers(self._near)

    def timestamp(self, row: int) -> float:
        """Epoch seconds."""
        return self._timestamp[row]

    def groups(self, near: Numbers) -> Numbers:
        """The group of nearly equal texts that each of these `near` numbers belongs to."""
        if self._similar is None:
            return np.unique(near, return_inverse=True)[1]
        groups = self._similar.groups()
        return groups[[self._texts[number] for number in near.tolist()]]


def _numbers(values: "array[Any]") -> Numbers:
    return np.array(values, dtype=np.int64)
