"""What students read and write: the text of a request, the label of an answer."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from flywheel.datasets.labels import Labels
from flywheel.errors import DataError
from flywheel.evaluation.prompts import request_text
from flywheel.records import content_text

_TOKEN = re.compile(r"\w+|[^\w\s]")


class Example(NamedTuple):
    """One training record."""

    text: str
    label: str


def answer_text(label: str) -> str:
    """A label in the form in which the teacher answers, so that a student can take its place."""
    return f"[[[{label}]]]"


def count_tokens(text: str) -> int:
    """Words and punctuation marks: the unit in which a student's input and output are counted."""
    return len(_TOKEN.findall(text))


def read_training(path: Path, labels: Labels) -> list[Example]:
    """The records of a training file; the last message of each is the answer to learn.

    Raises DataError where the file is not there or a line is not such a record.
    """
    examples = []
    for number, record in enumerate(read_lines(path), start=1):
        try:
            *request, answer = record["messages"]
            label = labels.extract(content_text(answer["content"]))
        except (KeyError, TypeError, ValueError) as error:
            raise _malformed(path, number) from error
        if label is None:
            raise _malformed(path, number)
        examples.append(Example(request_text(request), label))
    return examples


def read_requests(path: Path) -> list[str]:
    """The text of every request of an evaluation file. Raises DataError like `read_training`."""
    texts = []
    for number, record in enumerate(read_lines(path), start=1):
        try:
            texts.append(request_text(record["request"]["messages"]))
        except (KeyError, TypeError) as error:
            raise _malformed(path, number) from error
    return texts


def read_lines(path: Path) -> Iterator[Any]:
    """The JSON of every line. Raises DataError where there is no such file, or no JSON."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    yield orjson.loads(line)
                except orjson.JSONDecodeError as error:
                    raise _no_json(path, number) from error
    except FileNotFoundError as error:
        raise DataError(
            f"The dataset {path} is not there.", "Start the run again to build it anew."
        ) from error


def _malformed(path: Path, number: int) -> DataError:
    return DataError(
        f"Line {number} of {path} is not a record that a student can learn from or answer.",
        "Local students classify: every training answer has to carry a label.",
    )


def _no_json(path: Path, number: int) -> DataError:
    return DataError(
        f"Line {number} of {path} is not JSON.", "Start the run again to build it anew."
    )
