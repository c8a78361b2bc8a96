"""A world where the truth is known: a teacher that errs, a candidate that learned from it."""

import random

from flywheel.evaluation.audit import Audit, Judged, Judgement, audit
from flywheel.evaluation.sampling import Answered, draw

CLASSES = "abcdef"


class World:
    """An evaluation set out of endless requests, and the people who know the truth.

    The teacher is wrong on `teacher_wrong` of the requests; the candidate repeats `copied` of
    those errors and is right on `right` of the rest.
    """

    def __init__(self, teacher_wrong: float, copied: float, right: float) -> None:
        self._teacher_wrong, self._copied, self._right = teacher_wrong, copied, right
        self.teacher = 1 - teacher_wrong
        self.candidate = right * (1 - teacher_wrong * copied)

    def evaluate(self, records: int, rng: random.Random) -> tuple[list[Answered], list[Judgement]]:
        """The answers, and what people would say of each."""
        answers, judgements = [], []
        for row in range(records):
            truth = rng.choice(CLASSES)
            teacher = self._other(truth, rng) if rng.random() < self._teacher_wrong else truth
            if teacher != truth and rng.random() < self._copied:
                candidate = teacher
            else:
                candidate = truth if rng.random() < self._right else self._other(truth, rng)
            sure = 0.85 if candidate in {truth, teacher} else 0.6
            confidence = min(1.0, max(0.0, rng.gauss(sure, 0.15)))
            answers.append(Answered(row, teacher, candidate, confidence))
            judgements.append(_judgement(teacher == truth, candidate == truth))
        return answers, judgements

    @staticmethod
    def _other(label: str, rng: random.Random) -> str:
        return rng.choice([one for one in CLASSES if one != label])


def _judgement(teacher: bool, candidate: bool) -> Judgement:
    if teacher:
        return "both" if candidate else "teacher"
    return "candidate" if candidate else "neither"


def audited(
    answers: list[Answered], judgements: list[Judgement], n: int, seed: str, weighted: bool = True
) -> tuple[list[Judged], Audit]:
    """One person judges the first n; unweighted takes them for a plain random sample."""
    records = len(answers)
    judged = [
        Judged(
            d.row,
            d.stratum if weighted else "all",
            d.stratum_size if weighted else records,
            "judge",
            judgements[d.row],
        )
        for d in draw(answers, seed)[:n]
    ]
    raw = sum(a.agree for a in answers) / records
    return judged, audit(judged, records, raw, 0.95)
