"""From answers to scores: planted faults, counted one by one."""

import gzip
from pathlib import Path

import orjson
import pytest

from flywheel.datasets.formats import evaluation_line
from flywheel.datasets.reading import read_answer
from flywheel.db.models import Prediction
from flywheel.errors import FlywheelError
from flywheel.evaluation.cost import cost_per_correct
from flywheel.evaluation.scores import Scores
from flywheel.ports.platform import PredictionRow
from flywheel.records import parse_record
from flywheel.runs.scoring import NO_CALL, score_answers
from flywheel.settings import EvaluationConfig
from flywheel.settings.sections import ModelPrice
from tests.support.planted import (
    Fault,
    Planted,
    added,
    changed,
    cut_off,
    dropped,
    redressed,
    renamed,
)
from tests.support.records import answer, call_record, real_file, write_lines

RECORDS = 300


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An evaluation file of real tool calls, arguments parsed as in every run."""
    with gzip.open(real_file("tool_calls_bfcl.jsonl.gz")) as file:
        bodies = [line for _, line in zip(range(RECORDS), file, strict=False)]
    path = tmp_path_factory.mktemp("tools") / "eval.jsonl"
    labels = [read_answer(parse_record(body).answer)[1] for body in bodies]
    lines = zip(bodies, labels, strict=True)
    path.write_bytes(b"".join(evaluation_line(body, label, True) for body, label in lines))
    return path


def scored(
    path: Path, answers: list[PredictionRow], kind: str = "tool_calling"
) -> tuple[Scores, list[Prediction]]:
    price = ModelPrice.model_validate({"per_hour": "3.6"})
    config = EvaluationConfig(bootstrap_resamples=200)
    return score_answers(path, answers, "m", kind, config, 7, price)


@pytest.mark.parametrize("dress", [(), (redressed,)])
def test_a_copy_of_the_teacher_is_right_whatever_it_looks_like(
    evaluation: Path, dress: tuple[Fault, ...]
) -> None:
    copy = Planted("copy", float(bool(dress)), *dress)
    scores, rows = scored(evaluation, copy.answers(evaluation))
    assert scores.tools is not None
    assert scores.headline is not None
    assert (scores.headline.name, scores.headline.value) == ("name-and-arguments accuracy", 1)
    assert scores.accuracy == scores.headline.interval
    assert scores.headline.interval.low < 1
    assert scores.macro_f1 is not None
    assert scores.macro_f1.value == 1
    assert (scores.unparseable, scores.tools.missing_calls, scores.tools.extra_calls) == (0, 0, 0)
    assert all(row.correct and row.label == row.expected for row in rows)


@pytest.mark.parametrize(
    ("fault", "names", "missing", "extra", "unparseable"),
    [
        (dropped, 0, 1, 0, 0),
        (renamed, 0, 1, 1, 0),
        (changed, 1, 0, 0, 0),
        (cut_off, 1, 0, 0, 1),
        (added, 0, 0, 1, 0),
    ],
)
def test_planted_faults_are_counted_exactly(
    evaluation: Path, fault: Fault, names: int, missing: int, extra: int, unparseable: int
) -> None:
    k = 30
    scores, rows = scored(evaluation, Planted("faulty", k / RECORDS, fault).answers(evaluation))
    tools = scores.tools
    assert tools is not None
    assert tools.n == scores.n == RECORDS
    right = RECORDS - k
    assert tools.function_name_and_args_accuracy.value == pytest.approx(right / RECORDS)
    assert scores.accuracy == tools.function_name_and_args_accuracy
    right_names = right + k * names
    assert tools.function_name_accuracy.value == pytest.approx(right_names / RECORDS)
    assert (tools.missing_calls, tools.extra_calls) == (k * missing, k * extra)
    assert scores.unparseable == k * unparseable
    assert sum(not row.correct for row in rows) == k
    assert sum(row.label == row.expected for row in rows) == right_names
    # What a right answer costs is reckoned from the right answers of the headline.
    assert scores.cost_per_correct == cost_per_correct(scores.cost_per_1000, RECORDS, right)
    # The class table is the choice of functions.
    matrix = scores.confusion
    assert sum(matrix.counts[i][i] for i in range(len(scores.per_class))) == right_names


def test_the_choice_of_functions_is_read_from_the_answer(tmp_path: Path) -> None:
    lines = [call_record("q", "search", "book", number=i) for i in range(5)]
    path = tmp_path / "eval.jsonl"
    path.write_bytes(
        b"".join(evaluation_line(orjson.dumps(line), "book+search", True) for line in lines)
    )
    made = [
        ["book", "search"],  # the order of calls is none
        ["book"],
        [],
        None,
        [None, "search"],
    ]
    answers = [
        PredictionRow(
            row=row,
            answer="",
            tool_calls=None
            if names is None
            else [{"function": {"name": name, "arguments": {}}} for name in names],
            seconds=1,
            input_tokens=1,
            output_tokens=1,
        )
        for row, names in enumerate(made)
    ]
    scores, rows = scored(path, answers)
    assert [row.label for row in rows] == ["book+search", "book", NO_CALL, NO_CALL, None]
    assert [row.correct for row in rows] == [True, False, False, False, False]
    assert scores.unparseable == 1
    with pytest.raises(FlywheelError, match="m answered 4 of 5 evaluation records"):
        scored(path, answers[:4])


def test_free_text_has_no_score_before_it_is_judged(tmp_path: Path) -> None:
    line = {"id": "a", "label": "answer", "request": {}, "response": answer("The sea is blue")}
    path = write_lines(tmp_path / "eval.jsonl", line, line)
    texts = ["A blue sea it is", " "]
    answers = [
        PredictionRow(row=i, answer=text, seconds=1, input_tokens=1, output_tokens=1)
        for i, text in enumerate(texts)
    ]
    scores, rows = scored(path, answers, "generic")
    assert scores.headline is scores.macro_f1 is scores.accuracy is scores.cost_per_correct is None
    assert scores.cost_per_1000 is not None
    assert (scores.n, scores.unparseable) == (2, 1)
    assert scores.token_f1 == pytest.approx(6 / 7 / 2)  # sea, is, blue of 3 and 4 words
    assert [row.label for row in rows] == ["answer", None]
    assert [row.correct for row in rows] == [None, None]
