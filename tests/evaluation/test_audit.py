"""Scores corrected by people's judgements: right on average, and as uncertain as they say."""

import random
from statistics import fmean

import pytest
from scipy.stats import beta

from flywheel.evaluation.audit import Judged, Judgement, audit, in_words
from flywheel.evaluation.intervals import wilson
from tests.support.judging import World, audited

REPETITIONS = 400


def said(
    row: int, judgement: Judgement, stratum: str = "agree", size: int = 50, by: str = "ann"
) -> Judged:
    return Judged(row, stratum, size, by, judgement)


@pytest.fixture(scope="module")
def worlds() -> dict[str, list[tuple[float, bool]]]:
    """Of many repetitions each: the error of an estimate, and whether its interval covers."""
    world = World(teacher_wrong=0.1, copied=0.3, right=0.85)
    rng = random.Random(1)
    kinds = "candidate", "teacher", "raw", "unweighted"
    found: dict[str, list[tuple[float, bool]]] = {kind: [] for kind in kinds}
    for repetition in range(REPETITIONS):
        answers, judgements = world.evaluate(400, rng)
        _, corrected = audited(answers, judgements, 80, str(repetition))
        _, plain = audited(answers, judgements, 80, str(repetition), weighted=False)
        raw = wilson(round(corrected.raw * 400), 400, 0.95)
        for kind, interval, truth in (
            ("candidate", corrected.candidate, world.candidate),
            ("teacher", corrected.teacher, world.teacher),
            ("raw", raw, world.candidate),
            ("unweighted", plain.candidate, world.candidate),
        ):
            assert interval is not None
            covers = interval.low <= truth <= interval.high
            found[kind].append((interval.value - truth, covers))
    return found


def bias(results: list[tuple[float, bool]]) -> float:
    return fmean(error for error, _ in results)


def coverage(results: list[tuple[float, bool]]) -> float:
    return fmean(covers for _, covers in results)


@pytest.mark.parametrize("whose", ["candidate", "teacher"])
def test_the_corrected_score_is_right_on_average_and_its_interval_holds_the_truth(
    worlds: dict[str, list[tuple[float, bool]]], whose: str
) -> None:
    assert abs(bias(worlds[whose])) < 0.005
    assert 0.92 <= coverage(worlds[whose]) <= 0.98


def test_the_raw_score_is_off_by_the_teachers_errors(
    worlds: dict[str, list[tuple[float, bool]]],
) -> None:
    # Raw counts copied errors as right (0.03) and corrected ones as wrong (0.7 x 0.1 x 0.85),
    # but for the few where both err and by chance say the same.
    assert bias(worlds["raw"]) == pytest.approx(0.03 - 0.0595, abs=0.006)
    assert coverage(worlds["raw"]) < 0.75


def test_without_the_weights_the_design_deceives(
    worlds: dict[str, list[tuple[float, bool]]],
) -> None:
    assert bias(worlds["unweighted"]) < -0.15
    assert coverage(worlds["unweighted"]) < 0.1


def test_each_judgement_stands_for_its_share_of_its_stratum() -> None:
    # 80 agreements of which 2 of 8 judged are wrong; 20 disagreements, 3 of 12 for the candidate.
    agree = [said(row, "neither" if row < 2 else "both", "agree", 80) for row in range(8)]
    disagree = [
        said(100 + row, "candidate" if row < 3 else "teacher", "disagree", 20) for row in range(12)
    ]
    found = audit(agree + disagree, 100, 0.8, 0.95)
    assert (found.people, found.records, found.unclear, found.missing) == (1, 20, 0, 0)
    assert found.candidate is not None
    assert found.teacher is not None
    assert found.candidate.value == pytest.approx(0.8 * 6 / 8 + 0.2 * 3 / 12)
    assert found.teacher.value == pytest.approx(0.8 * 6 / 8 + 0.2 * 9 / 12)
    assert found.candidate.low < found.candidate.value < found.candidate.high


def test_where_all_are_judged_only_the_choice_of_records_is_uncertain() -> None:
    every = [said(row, "both" if row < 27 else "neither", "agree", 30) for row in range(30)]
    found = audit(every, 30, 1.0, 0.95)
    assert found.candidate is not None
    jeffreys = beta(27.5, 3.5)
    assert found.candidate.low == pytest.approx(jeffreys.ppf(0.025))
    assert found.candidate.high == pytest.approx(jeffreys.ppf(0.975))


def test_a_stratum_without_an_error_seen_is_not_taken_for_faultless() -> None:
    found = audit([said(row, "both", size=1000) for row in range(30)], 1000, 1.0, 0.95)
    assert found.candidate is not None
    assert found.candidate.value == found.candidate.high == 1
    assert found.candidate.low == pytest.approx(beta(30.5, 0.5).ppf(0.025), abs=0.005)


@pytest.mark.parametrize(
    ("judged", "missing"),
    [
        ([], 20),
        ([said(row, "both") for row in range(19)], 1),
        ([said(row, "both" if row else "unclear") for row in range(20)], 1),
        ([said(0, "both")] * 30, 19),
        ([said(row, "both") for row in range(20)], 0),
        # Nobody has seen a record of the rest, so nothing is known of it.
        ([said(row, "both", size=30) for row in range(20)], 1),
    ],
)
def test_too_few_judgements_correct_nothing(judged: list[Judged], missing: int) -> None:
    found = audit(judged, 50, 0.9, 0.95)
    assert found.missing == missing
    assert (found.candidate is None, found.teacher is None) == (missing > 0, missing > 0)
    assert (f"{missing} more are needed" in in_words(found)) == (missing > 0)


def test_a_small_evaluation_set_needs_no_more_than_it_has() -> None:
    assert audit([said(row, "both", size=12) for row in range(12)], 12, 1, 0.95).missing == 0


def test_the_newer_answer_of_a_person_counts() -> None:
    judged = [said(row, "neither") for row in range(20)] + [said(0, "both")]
    found = audit(judged, 50, 0.9, 0.95)
    assert found.records == 20
    assert found.candidate is not None
    assert found.candidate.value == pytest.approx(1 / 20)


def test_of_several_people_the_mean_counts() -> None:
    judged = [said(row, "both") for row in range(20)] + [said(0, "neither", by="bob")]
    judged.append(said(1, "unclear", by="bob"))
    found = audit(judged, 50, 0.9, 0.95)
    assert (found.people, found.records, found.unclear) == (2, 20, 0)
    assert found.candidate is not None
    assert found.candidate.value == pytest.approx(19.5 / 20)
    assert found.agreement is not None
    assert (found.agreement.records, found.agreement.same) == (2, 0)
    assert found.agreement.kappa is None, "two shared records are too few"


def test_kappa_takes_chance_away() -> None:
    # Of 20 shared records 10 are "both" and 5 "neither" to both people; of 5 they differ.
    ann: list[Judgement] = ["both"] * 15 + ["neither"] * 5
    bob: list[Judgement] = ["both"] * 10 + ["neither"] * 10
    judged = [said(row, one) for row, one in enumerate(ann)]
    judged += [said(row, one, by="bob") for row, one in enumerate(bob)]
    found = audit(judged, 50, 0.9, 0.95)
    assert found.agreement is not None
    assert found.agreement.same == pytest.approx(15 / 20)
    chance = 0.75 * 0.5 + 0.25 * 0.5
    assert found.agreement.kappa == pytest.approx((0.75 - chance) / (1 - chance))
    alike = audit(
        [said(row, "both", by=by) for row in range(20) for by in ("ann", "bob")], 50, 0.9, 0.95
    )
    assert alike.agreement is not None
    assert (alike.agreement.same, alike.agreement.kappa) == (1, None)


def test_in_words() -> None:
    disagree = [said(row, "candidate", "disagree", 10, by=f"p{row % 2}") for row in range(10)]
    agree = [said(10 + row, "both", "agree", 90) for row in range(30)]
    words = in_words(audit(disagree + agree, 100, 0.9, 0.95))
    assert words == (
        "audited by 3 people on 40 records: accuracy 1.00 (0.94–1.00) against the truth, "
        "teacher 0.90 (0.81–0.95); raw against the teacher 0.90"
    )
