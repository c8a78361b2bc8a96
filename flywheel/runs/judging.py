"""What a judging process is told, what it reads, and what it leaves."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from pydantic import BaseModel, Field

from flywheel.evaluation.judge import JudgePair, JudgeScores, JudgeTask
from flywheel.records import content_text
from flywheel.settings.endpoints import JudgeConfig

_ASKED = ("messages", "tools")  # of a request; the rest is for the model, not about the question


class JudgeSpec(BaseModel):
    """What the judging process is told. The judge's key is in its environment, and nowhere else."""

    judge: JudgeConfig
    task: JudgeTask
    confidence: float
    evaluation: Path = Field(description="The run's evaluation file")
    answers: Path = Field(description="The model's answers, as `write_answers` has left them")
    cache: Path = Field(description="Folder of the judge's replies, shared by all runs")


class JudgedAnswers(BaseModel):
    """What judging leaves."""

    scores: JudgeScores
    judged: list[int | None] = Field(description="By row; None where the judge gave no score")


class Answer(NamedTuple):
    """What a model answered: its text, and the calls that it made."""

    text: str
    calls: Sequence[Any] | None


def write_answers(path: Path, answers: Sequence[Answer]) -> None:
    """Keep the text and the tool calls of each answer, by row; the file is complete or absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    with draft.open("wb") as file:
        for answer in answers:
            file.write(orjson.dumps(answer._asdict(), option=orjson.OPT_APPEND_NEWLINE))
    draft.replace(path)


def read_pairs(spec: JudgeSpec) -> list[JudgePair]:
    """The answers to judge, each beside the teacher's, by row."""
    with spec.evaluation.open("rb") as records, spec.answers.open("rb") as answers:
        return [
            _pair(spec.task, orjson.loads(record), orjson.loads(answer))
            for record, answer in zip(records, answers, strict=True)
        ]


def _pair(task: JudgeTask, record: dict[str, Any], answer: dict[str, Any]) -> JudgePair:
    request = {key: record["request"][key] for key in _ASKED if record["request"].get(key)}
    message = record["response"]["choices"][0]["message"]
    if task == "similarity":
        reference = content_text(message.get("content"))
        return JudgePair(request=request, reference=reference, answer=answer["text"])
    given = _calls(answer["calls"]) if answer["calls"] else answer["text"]
    return JudgePair(request=request, reference=_calls(message.get("tool_calls")), answer=given)


def _calls(calls: Any) -> Any:
    """Calls without their ids, which say nothing and would make equal answers differ."""
    if not isinstance(calls, list):
        return calls
    return [call.get("function", call) if isinstance(call, dict) else call for call in calls]
