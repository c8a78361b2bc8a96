"""Which evaluation records people judge: a sample with known inclusion probabilities.

Records fall into strata by what is known of them without people: whether candidate and teacher
agree and, of disagreements, how sure the candidate was. Confident disagreements are where the
teacher is most often wrong (Northcutt, Jiang, Chuang: Confident Learning, JAIR 70, 2021), so they
are asked at the highest rate. Agreements are asked as well, because only they show where both are
wrong. However many records have been asked, those of a stratum are an equal-probability sample of
it, so an audited record stands for (size of its stratum) / (audited records of its stratum)
records: the weight of Horvitz and Thompson, JASA 47, 1952.
"""

import random
from collections.abc import Sequence
from typing import Literal, NamedTuple

Stratum = Literal["disagree-confident", "disagree-unsure", "disagree", "agree"]

# Of five questions, where there are records of each kind. With fewer agreements the interval of
# the corrected score is much wider: they are most of the records.
_RATES: dict[Stratum, int] = {
    "disagree-confident": 2,
    "disagree-unsure": 1,
    "disagree": 3,
    "agree": 2,
}
_SPLIT_FROM = 20  # fewer disagreements are not split by confidence: small strata say little
_GOLDEN = (5**0.5 - 1) / 2


class Answered(NamedTuple):
    """What teacher and candidate said of one evaluation record."""

    row: int
    teacher: str
    candidate: str | None
    confidence: float | None

    @property
    def agree(self) -> bool:
        """Whether they said the same."""
        return self.candidate == self.teacher


class Drawn(NamedTuple):
    """A record in the order in which people are asked."""

    row: int
    stratum: Stratum
    stratum_size: int
    place: int  # within its stratum, from 1

    @property
    def inclusion(self) -> float:
        """The probability that a record of its stratum has been asked, once this one has."""
        return self.place / self.stratum_size


def draw(answers: Sequence[Answered], seed: str) -> list[Drawn]:
    """All records, in the order in which people are asked; equal seeds give equal orders.

    The first one is a disagreement where there is any. Strata take turns at fixed rates until
    they are used up, so any first part of the order is a stratified sample.
    """
    rng = random.Random(seed)  # noqa: S311 - no secret
    turns = [
        ((place - 0.5) / _RATES[stratum], Drawn(answer.row, stratum, len(members), place))
        for stratum, members in _strata(answers).items()
        for place, answer in enumerate(_spread(members, rng), start=1)
    ]
    return [drawn for _, drawn in sorted(turns, key=lambda turn: turn[0])]


def _strata(answers: Sequence[Answered]) -> dict[Stratum, list[Answered]]:
    disagree = [answer for answer in answers if not answer.agree]
    agree = [answer for answer in answers if answer.agree]
    strata: dict[Stratum, list[Answered]] = {"disagree": disagree, "agree": agree}
    sure = {a.row: a.confidence for a in disagree if a.confidence is not None}
    if len(sure) == len(disagree) >= _SPLIT_FROM:
        disagree = sorted(disagree, key=lambda answer: (-sure[answer.row], answer.row))
        half = len(disagree) // 2
        strata = {
            "disagree-confident": disagree[:half],
            "disagree-unsure": disagree[half:],
            "agree": agree,
        }
    return {name: members for name, members in strata.items() if members}


def _spread(members: Sequence[Answered], rng: random.Random) -> list[Answered]:
    """The members in an order whose every first part is spread over the teacher's classes.

    Sorted by class (and by confidence within), the members form a circle that is turned by a
    random amount and then visited in the order of the multiples of the golden ratio, whose first
    n always lie evenly. The turn alone puts each member at each place with equal probability:
    systematic sampling from an ordered list (Madow and Madow, Annals of Mathematical
    Statistics 15, 1944).
    """
    circle = rng.sample(members, len(members))
    circle.sort(key=lambda answer: (answer.teacher, answer.confidence or 0.0))
    turn = rng.randrange(len(circle))
    order = sorted(range(len(circle)), key=lambda i: i * _GOLDEN % 1)
    return [circle[(i + turn) % len(circle)] for i in order]
