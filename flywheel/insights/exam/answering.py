"""What the models of the examination answered, and what the product's own scoring makes of it.

Records are numbered; of each class the hardest come last. A model gets wrong as many as its error
rate and the hardness of the class say, most of them the hardest: so two models of a run have much
in common, as real ones do.
"""

import json
import math
import random
from dataclasses import dataclass
from typing import Any, NamedTuple

from flywheel.decisions.answered import Answered
from flywheel.evaluation.headline import Metric
from flywheel.evaluation.judge import Judgement, judge_scores, prompt_of, similarity_share
from flywheel.evaluation.metrics import score, score_texts, with_tool_calls
from flywheel.evaluation.scores import Scores
from flywheel.evaluation.tool_calls import ToolCase, compare_each
from flywheel.evaluation.tool_schemas import ToolSchemas
from flywheel.insights.exam.story import ModelOf, WorkloadOf
from flywheel.settings import EvaluationConfig
from flywheel.settings.sections import ModelPrice

SCORING = EvaluationConfig(bootstrap_resamples=400)  # as many as a quick examination needs
_JUDGE = "llama-3.3-70b-instruct"
_CITIES = ("Lisbon", "Oslo", "Turin", "Kyoto", "Quito", "Cork", "Graz", "Perth")
_WORDS = "thank you for writing we have looked into it and will send the parcel again today".split()


class AnsweredRow(NamedTuple):
    """One answer, in the columns of `Prediction`; a row object each would take seconds."""

    row: int
    record_id: str
    expected: str
    answer: str
    label: str | None
    seconds: float
    input_tokens: int
    output_tokens: int
    tool_calls: list[Any] | None = None
    correct: bool | None = None
    judged: int | None = None
    confidence: float | None = None


@dataclass(frozen=True)
class Sat:
    """A model's answers to the evaluation records of a run, scored."""

    scores: Scores
    rows: list[AnsweredRow]

    def answered(self) -> Answered:
        """As comparisons look at them."""
        metric: Metric = self.scores.metric
        expected, ids = [row.expected for row in self.rows], [row.record_id for row in self.rows]
        if metric == "similarity":
            shares = [None if r.judged is None else similarity_share(r.judged) for r in self.rows]
            return Answered(expected, [None] * len(expected), ids, shares)
        if metric == "tool_calls":
            return Answered(expected, [r.expected if r.correct else None for r in self.rows], ids)
        return Answered(expected, [row.label for row in self.rows], ids)


def class_sizes(workload: WorkloadOf, records: int) -> dict[str, int]:
    """How many of so many records each class has; the most frequent one takes the rest."""
    sizes = {label: round(records * of.share) for label, of in workload.classes.items()}
    most = max(sizes, key=lambda label: sizes[label])
    sizes[most] += records - sum(sizes.values())
    return sizes


def sit(
    workload: WorkloadOf,
    model: ModelOf,
    records: int,
    error: float,
    seed: str,
    price: ModelPrice | None,
) -> Sat:
    """A model's answers to `records` evaluation records, scored; equal seeds give equal ones."""
    rng = random.Random(seed)  # noqa: S311 - a story, no secret
    seconds = [model.seconds * math.exp(rng.gauss(0, 0.25)) for _ in range(records)]
    tokens = workload.tokens if model.prompted else (0, 0)
    usage: dict[str, Any] = {
        "seconds": seconds,
        "input_tokens": [tokens[0]] * records,
        "output_tokens": [tokens[1]] * records,
        "seed": 42,
        "price": price,
    }
    if workload.kind == "generic":
        return _texts(workload, records, error, rng, usage)
    expected, answers = _labels(workload, records, error, rng)
    if workload.kind == "tool_calling":
        return _calls(workload, expected, answers, error, rng, usage)
    texts = [f"[[[{a}]]]" for a in answers], [f"[[[{e}]]]" for e in expected]
    scores = score(expected, answers, config=SCORING, texts=texts, **usage)
    rows = [
        _row(workload, number, e, f"[[[{a}]]]", a, seconds[number], tokens)
        for number, (e, a) in enumerate(zip(expected, answers, strict=True))
    ]
    return Sat(scores, rows)


def _labels(
    workload: WorkloadOf, records: int, error: float, rng: random.Random
) -> tuple[list[str], list[str]]:
    """What was expected of each record, and what was answered."""
    expected: list[str] = []
    answers: list[str] = []
    for label, size in class_sizes(workload, records).items():
        of = workload.classes[label]
        wrong = min(size, round(size * error * of.hardness))
        # The later a record, the harder; luck moves some.
        order = sorted(range(size), key=lambda i: -i - size * 0.6 * rng.random())
        missed = dict(zip(order[:wrong], _mistakes(of.alike, wrong), strict=True))
        expected += [label] * size
        answers += [missed.get(i, label) for i in range(size)]
    return expected, answers


def _mistakes(alike: tuple[str, ...], wrong: int) -> list[str]:
    """Two thirds of them the class that is most alike."""
    first = wrong if len(alike) == 1 else math.ceil(wrong * 2 / 3)
    return [alike[0]] * first + [alike[-1]] * (wrong - first)


def _calls(
    workload: WorkloadOf,
    expected: list[str],
    answers: list[str],
    error: float,
    rng: random.Random,
    usage: dict[str, Any],
) -> Sat:
    """Tools: besides the wrong ones, half as many are called with a wrong city."""
    cases = []
    for name, answered in zip(expected, answers, strict=True):
        city, other = rng.sample(_CITIES, 2)
        slips = name == answered and rng.random() < error / 2
        cases.append(ToolCase([_call(name, city)], [_call(answered, other if slips else city)]))
    schemas = ToolSchemas()
    compared = list(compare_each(cases, schemas))
    scores = with_tool_calls(
        score(expected, answers, config=SCORING, **usage), compared, SCORING.confidence, 0
    )
    rows = []
    for number, (case, record) in enumerate(zip(cases, compared, strict=True)):
        row = _row(
            workload, number, expected[number], "", answers[number], usage["seconds"][number],
            (usage["input_tokens"][number], usage["output_tokens"][number]),
        )  # fmt: skip
        rows.append(row._replace(tool_calls=case.answered, correct=record.same_calls))
    return Sat(scores, rows)


def _call(name: str, city: str) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": json.dumps({"city": city})}}


def _texts(
    workload: WorkloadOf, records: int, error: float, rng: random.Random, usage: dict[str, Any]
) -> Sat:
    """Free text, with a judge's score from 1 to 10 for each answer."""
    references = [" ".join(rng.choices(_WORDS, k=12)) for _ in range(records)]
    answers = [" ".join(w for w in text.split() if rng.random() > error) for text in references]
    judged = [max(1, min(10, round(10 - 9 * abs(rng.gauss(error, 0.12))))) for _ in range(records)]
    verdicts = [Judgement(outcome="scored", score=one) for one in judged]
    scores = score_texts(answers, references, **usage).model_copy(
        update={
            "judge": judge_scores(
                "similarity", verdicts, _JUDGE, prompt_of("examination"), SCORING.confidence
            )
        }
    )
    tokens = usage["input_tokens"][0], usage["output_tokens"][0]
    rows = []
    for number, text in enumerate(answers):
        row = _row(
            workload, number, references[number], text, references[number],
            usage["seconds"][number], tokens,
        )  # fmt: skip
        rows.append(row._replace(judged=judged[number]))
    return Sat(scores, rows)


def _row(
    workload: WorkloadOf,
    number: int,
    expected: str,
    answer: str,
    label: str,
    seconds: float,
    tokens: tuple[int, int],
) -> AnsweredRow:
    return AnsweredRow(
        row=number,
        record_id=f"{workload.name}-{number:04d}",
        expected=expected,
        answer=answer,
        label=label,
        seconds=seconds,
        input_tokens=tokens[0],
        output_tokens=tokens[1],
    )
