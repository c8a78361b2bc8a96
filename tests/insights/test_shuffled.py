"""Questions nobody thought of: those of the examination with other runs, models and classes."""

import random
import re
from pathlib import Path

import pytest

from flywheel.insights import reader
from flywheel.insights.exam.company import write_company
from flywheel.insights.exam.marking import wrong_numbers
from flywheel.insights.exam.paper import load_questions
from flywheel.insights.exam.story import MODELS, WORKLOADS
from flywheel.service.evidence import ServiceEvidence
from flywheel.service.examining import truth_of
from flywheel.settings.load import load_settings
from flywheel.wiring import open_backends

ASKED = 1500
CALLED = [*MODELS, "8B", "3B", "1B", "the small one", "the teacher", "the incumbent"]
CLASSES = [label for workload in WORKLOADS.values() for label in workload.classes]
QUESTIONS = [*load_questions(), *load_questions(held_out=True)]


def shuffled(text: str, rng: random.Random) -> str:
    """The question about something else, now and then with another one after it."""
    text = re.sub(r"\br-?\d+\b", lambda _: f"r-{rng.randint(1, 16)}", text)
    text = re.sub(r"\b[831]B\b|\bminilm\b|\bsvm\b", lambda _: rng.choice(CALLED), text)
    for name, others in (
        *((w, list(WORKLOADS)) for w in WORKLOADS),
        *((c, CLASSES) for c in CLASSES),
    ):
        if name in text:
            text = text.replace(name, rng.choice(others))
            break
    return f"{text} {rng.choice(QUESTIONS).text}" if rng.random() < 0.2 else text


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
async def test_no_number_is_wrong_whatever_is_asked(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    settings = load_settings(environ={"FLYWHEEL_HOME": str(tmp_path)})
    async with open_backends(settings, with_queue=False) as backends:
        await write_company(backends.database, backends.logs)
        truth, evidence = await truth_of(backends), ServiceEvidence(backends)
        wrong = {}
        for _ in range(ASKED):
            question = rng.choice(QUESTIONS)
            text = shuffled(question.text, rng)
            focus = question.focus if rng.random() < 0.5 else None
            answer = await reader.answer(text, evidence, focus)
            asked = question.model_copy(update={"text": text, "before": []})
            if found := wrong_numbers(asked, answer, truth):
                wrong[text] = found
            assert "<!" not in answer.text
            assert "](" not in answer.text
    assert not wrong
