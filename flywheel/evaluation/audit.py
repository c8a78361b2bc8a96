"""Scores against the truth as people see it, from the teacher's labels and a few judgements.

The raw score counts a candidate as wrong wherever it differs from the teacher. People who judge a
sample of the records (flywheel.evaluation.sampling) say how often that is unjust, and how often
both are wrong. The estimate is the prediction-powered one (Angelopoulos, Bates, Fannjiang,
Jordan, Zrnic, Science 382, 2023), stratified as by Fisch, Maynez, Hofer, Dhingra, Globerson,
Cohen (Stratified Prediction-Powered Inference, 2024): "teacher and candidate agree" predicts "the
candidate is right" and is the same all over a stratum, so whatever weight that prediction is
given (the tuning of PPI++: Angelopoulos, Duchi, Zrnic, 2023) the estimate is the sum over the
strata of their share of the records times the rightness that people saw in them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from math import isnan, sqrt
from statistics import fmean
from typing import Literal, NamedTuple

from pydantic import BaseModel, Field

from flywheel.evaluation.scores import Interval

Judgement = Literal["teacher", "candidate", "both", "neither", "unclear"]

MINIMUM = 20  # judged records; fewer correct nothing
MINIMUM_SHARED = 10  # records judged by the same two people; of fewer no kappa is shown
_METHOD = "stratified sample judged by people; Jeffreys intervals of the strata joined by MOVER"


class Judged(NamedTuple):
    """What one person said of one evaluation record."""

    row: int
    stratum: str
    stratum_size: int
    reviewer: str
    judgement: Judgement


class Agreement(BaseModel):
    """How far people agree with each other."""

    records: int = Field(description="Judged by more than one person")
    same: float = Field(description="Share of the pairs of judgements that are the same, 0 to 1")
    kappa: float | None = Field(
        description=f"Cohen's kappa, mean over pairs of people that share {MINIMUM_SHARED} records"
    )


class Audit(BaseModel):
    """A candidate and its teacher, judged by people."""

    people: int
    records: int = Field(description="Evaluation records with a clear judgement")
    unclear: int = Field(description="Records about which nobody could say")
    missing: int = Field(description="Judgements still missing before scores are corrected")
    raw: float = Field(description="The candidate's accuracy as measured against the teacher")
    candidate: Interval | None = Field(description="Accuracy against the truth; None if missing")
    teacher: Interval | None = Field(description="Accuracy against the truth; None if missing")
    agreement: Agreement | None = Field(description="None where no record was judged by several")


def audit(judged: Iterable[Judged], records: int, raw: float, confidence: float) -> Audit:
    """Correct the accuracies of a candidate and its teacher.

    `judged` in the order of time: a later judgement of a person on a record replaces the earlier.
    `records` is the size of the evaluation set, `raw` the candidate's accuracy against the
    teacher. Of a record that several people judged the mean counts. Where nobody could say, the
    record is left out, as if it had not been asked.

    Of a record out of stratum h with N_h records, n_h of them judged, the weight is N_h / n_h.
    The interval joins (MOVER: Zou and Donner, Statistics in Medicine 27, 2008) the Jeffreys
    intervals of the strata, times sqrt(1 - n_h / N_h) because they are finite, with that of the
    evaluation set as a sample of future requests (double sampling for stratification: Cochran,
    Sampling Techniques, 1977, chapter 12). A stratum without any error seen keeps its
    uncertainty, which intervals from the spread of the judgements alone would lose.
    """
    latest = {(one.reviewer, one.row): one for one in judged}
    by_row: dict[int, list[Judged]] = defaultdict(list)
    for one in latest.values():
        by_row[one.row].append(one)
    clear = {
        row: said
        for row, every in by_row.items()
        if (said := [one for one in every if one.judgement != "unclear"])
    }
    strata: dict[tuple[str, int], list[list[Judged]]] = defaultdict(list)
    for said in clear.values():
        strata[said[0].stratum, said[0].stratum_size].append(said)
    missing = max(0, min(MINIMUM, records) - len(clear))
    if not missing and sum(size for _, size in strata) < records:
        missing = 1  # a stratum of which nobody could judge a record yet

    def accuracy(right: Literal["candidate", "teacher"]) -> Interval | None:
        if missing:
            return None
        shares = {
            stratum: [fmean(one.judgement in {right, "both"} for one in said) for said in rows]
            for stratum, rows in strata.items()
        }
        return _accuracy(shares, records, confidence)

    return Audit(
        people=len({reviewer for reviewer, _ in latest}),
        records=len(clear),
        unclear=len(by_row) - len(clear),
        missing=missing,
        raw=raw,
        candidate=accuracy("candidate"),
        teacher=accuracy("teacher"),
        agreement=_agreement(by_row),
    )


def in_words(found: Audit) -> str:
    """One line: 'audited by 2 people on 40 records: accuracy 0.87 (0.81–0.92) against …'."""
    people = "1 person" if found.people == 1 else f"{found.people:,} people"
    records = "1 record" if found.records == 1 else f"{found.records:,} records"
    unclear = f" ({found.unclear:,} more unclear)" if found.unclear else ""
    said = f"audited by {people} on {records}{unclear}"
    if found.candidate is None or found.teacher is None:
        return f"{said}: {found.missing:,} more are needed before the scores can be corrected"
    said += (
        f": accuracy {_bounds(found.candidate)} against the truth, teacher "
        f"{_bounds(found.teacher)}; raw against the teacher {found.raw:.2f}"
    )
    if found.agreement is not None and found.agreement.kappa is not None:
        said += f"; people among themselves: kappa {found.agreement.kappa:.2f}"
    return said


def _bounds(interval: Interval) -> str:
    return f"{interval.value:.2f} ({interval.low:.2f}–{interval.high:.2f})"


def _accuracy(
    shares: Mapping[tuple[str, int], Sequence[float]], records: int, confidence: float
) -> Interval:
    """`shares`: by stratum (name, size), how right people found each judged record, 0 to 1."""
    value = sum(size / records * fmean(found) for (_, size), found in shares.items())
    low, high = _jeffreys(value, records, confidence)
    below, above = (value - low) ** 2, (high - value) ** 2
    for (_, size), found in shares.items():
        mean, n = fmean(found), len(found)
        low, high = _jeffreys(mean, n, confidence)
        weight = (size / records) ** 2 * (1 - n / size)
        below += weight * (mean - low) ** 2
        above += weight * (high - mean) ** 2
    return Interval(
        value=value,
        low=max(0.0, value - sqrt(below)),
        high=min(1.0, value + sqrt(above)),
        confidence=confidence,
        method=_METHOD,
    )


def _jeffreys(share: float, n: int, confidence: float) -> tuple[float, float]:
    """Jeffreys' interval of a proportion, which may be a mean of fractions.

    Of the common ones it suits small n best (Brown, Cai, DasGupta, Statistical Science 16, 2001).
    """
    from scipy.special import betaincinv

    right, wrong, tail = share * n, (1 - share) * n, (1 - confidence) / 2
    low = float(betaincinv(right + 0.5, wrong + 0.5, tail)) if right else 0.0
    high = float(betaincinv(right + 0.5, wrong + 0.5, 1 - tail)) if wrong else 1.0
    return min(low, share), max(high, share)


def _agreement(by_row: Mapping[int, Sequence[Judged]]) -> Agreement | None:
    pairs: dict[tuple[str, str], list[tuple[Judgement, Judgement]]] = defaultdict(list)
    for every in by_row.values():
        ordered = sorted(every, key=lambda one: one.reviewer)
        for one, other in combinations(ordered, 2):
            pairs[one.reviewer, other.reviewer].append((one.judgement, other.judgement))
    if not pairs:
        return None
    both = [pair for shared in pairs.values() for pair in shared]
    kappas = [_kappa(shared) for shared in pairs.values() if len(shared) >= MINIMUM_SHARED]
    known = [kappa for kappa in kappas if not isnan(kappa)]
    return Agreement(
        records=sum(len(every) > 1 for every in by_row.values()),
        same=fmean(one == other for one, other in both),
        kappa=fmean(known) if known else None,
    )


def _kappa(shared: Sequence[tuple[Judgement, Judgement]]) -> float:
    """Cohen's kappa (Educational and Psychological Measurement 20, 1960); NaN if all are alike.

    The mean over pairs of people is Light's (Psychological Bulletin 76, 1971).
    """
    if len({judgement for pair in shared for judgement in pair}) == 1:
        return float("nan")
    from sklearn.metrics import cohen_kappa_score

    ones, others = zip(*shared, strict=True)
    return float(cohen_kappa_score(ones, others))
