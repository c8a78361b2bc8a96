"""From a model's answers to its scores, by the type of the workload."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson

from flywheel.datasets.labels import extract_label
from flywheel.datasets.reading import TOOL_SEPARATOR
from flywheel.db.models import Prediction
from flywheel.errors import FlywheelError
from flywheel.evaluation.metrics import score, score_texts, with_tool_calls
from flywheel.evaluation.scores import Scores
from flywheel.evaluation.tool_calls import CallComparison, ToolCase, compare_each
from flywheel.evaluation.tool_schemas import ToolSchemas
from flywheel.ports.platform import PredictionRow
from flywheel.records import content_text
from flywheel.settings import EvaluationConfig
from flywheel.settings.sections import ModelPrice

NO_CALL = "(no call)"


def score_answers(
    evaluation: Path,
    answers: Sequence[PredictionRow],
    model: str,
    workload_type: str,
    config: EvaluationConfig,
    seed: int,
    price: ModelPrice | None = None,
    known_classes: Iterable[str] = (),
) -> tuple[Scores, list[Prediction]]:
    """The scores of one model, and the rows that they can be computed from again.

    `evaluation` is the run's evaluation file, `answers` one per line of it, `model` the name in
    messages. The rows belong to evaluation 0, until there is one. Raises FlywheelError where
    answers are missing, DataError where a record cannot be scored.
    """
    with evaluation.open("rb") as file:
        records = [orjson.loads(line) for line in file]
    if [answer.row for answer in answers] != list(range(len(records))):
        raise FlywheelError(
            f"{model} answered {len(answers)} of {len(records)} evaluation records.",
            "Run it again.",
        )
    rows = [
        Prediction(
            evaluation_id=0,
            row=answer.row,
            record_id=record["id"],
            expected=record["label"],
            answer=answer.answer,
            label=None,
            tool_calls=answer.tool_calls,
            seconds=answer.seconds,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            confidence=answer.confidence,
        )
        for record, answer in zip(records, answers, strict=True)
    ]
    answered, references = [row.answer for row in rows], [_text(record) for record in records]
    seconds = [row.seconds for row in rows]
    tokens = [row.input_tokens for row in rows], [row.output_tokens for row in rows]
    if workload_type == "generic":
        for row in rows:
            row.label = row.expected if row.answer.strip() else None
        return score_texts(answered, references, seconds, *tokens, seed=seed, price=price), rows

    schemas = ToolSchemas()
    compared: list[CallComparison] = []
    if workload_type == "tool_calling":
        compared = list(compare_each(map(_case, records, rows), schemas))
        for row, record in zip(rows, compared, strict=True):
            row.label, row.correct = _function_choice(row, record), record.same_calls
    else:
        known = frozenset(row.expected for row in rows)
        for row in rows:
            row.label = extract_label(row.answer, known)
    scores = score(
        [row.expected for row in rows],
        [row.label for row in rows],
        seconds,
        *tokens,
        config=config,
        seed=seed,
        price=price,
        # Words that two texts share say nothing of calls.
        texts=None if compared else (answered, references),
        known_classes=known_classes,
    )
    if compared:
        scores = with_tool_calls(scores, compared, config.confidence, schemas.broken)
    return scores, rows


def answer_message(record: dict[str, Any]) -> dict[str, Any]:
    """The teacher's answer in a line of an evaluation file, as it was logged."""
    message: dict[str, Any] = record["response"]["choices"][0]["message"]
    return message


def _text(record: dict[str, Any]) -> str:
    return content_text(answer_message(record).get("content"))


def _case(record: dict[str, Any], row: Prediction) -> ToolCase:
    return ToolCase(
        answer_message(record).get("tool_calls"), row.tool_calls, record["request"].get("tools")
    )


def _function_choice(row: Prediction, compared: CallComparison) -> str | None:
    """The class of the answer: the tools that it calls, as datasets name them.

    It is the expected one exactly where the names are right, whatever characters are in them.
    """
    if compared.same_names:
        return row.expected
    if not compared.answered:
        return NO_CALL
    named = TOOL_SEPARATOR.join(sorted(compared.made.elements()))
    unnamed = compared.answered > compared.made.total()
    return None if unnamed or named == row.expected else named
