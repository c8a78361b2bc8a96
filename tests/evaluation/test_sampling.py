"""The order in which people are asked: known probabilities, every stratum, disagreements first."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from flywheel.evaluation.sampling import Answered, Drawn, draw

LABELS = st.sampled_from("abcd")
CONFIDENCES = st.floats(0, 1)


@st.composite
def answers(draw_from: st.DrawFn) -> list[Answered]:
    confident = draw_from(st.booleans())
    rows = draw_from(st.lists(st.tuples(LABELS, st.none() | LABELS, CONFIDENCES), max_size=90))
    return [
        Answered(row, teacher, candidate, confidence if confident else None)
        for row, (teacher, candidate, confidence) in enumerate(rows)
    ]


def by_stratum(order: list[Drawn]) -> dict[str, list[Drawn]]:
    return {name: [d for d in order if d.stratum == name] for name in {d.stratum for d in order}}


@given(answers(), st.text(max_size=5))
def test_every_record_has_its_place_and_a_known_probability(
    rows: list[Answered], seed: str
) -> None:
    order = draw(rows, seed)
    assert sorted(d.row for d in order) == [a.row for a in rows]
    for name, members in by_stratum(order).items():
        assert {d.stratum_size for d in members} == {len(members)}
        assert [d.place for d in members] == list(range(1, len(members) + 1))
        assert members[-1].inclusion == 1
        assert {rows[d.row].agree for d in members} == {name == "agree"}
    assert draw(rows, seed) == order


@given(answers())
def test_disagreements_come_first_and_every_stratum_soon(rows: list[Answered]) -> None:
    order = draw(rows, "seed")
    disagreements = sum(not a.agree for a in rows)
    asked = 0
    for number, drawn in enumerate(order, start=1):
        asked += drawn.stratum != "agree"
        # Three of five, to within one question, as long as there are any.
        assert asked >= min(disagreements, (3 * number - 2) // 5)
    if disagreements:
        assert order[0].stratum != "agree"
    assert {d.stratum for d in order[:5]} == {d.stratum for d in order}


def test_the_confident_disagreements_are_asked_at_the_highest_rate() -> None:
    rows = [Answered(row, "a", "b" if row % 4 else "a", row / 400) for row in range(400)]
    asked = Counter(d.stratum for d in draw(rows, "seed")[:60])
    assert asked == {"disagree-confident": 24, "disagree-unsure": 12, "agree": 24}
    strata = by_stratum(draw(rows, "seed"))
    surest = min(d.row for d in strata["disagree-confident"])
    assert surest > max(d.row for d in strata["disagree-unsure"])


@pytest.mark.parametrize("place", [1, 5])
def test_every_member_is_equally_likely_at_every_place(place: int) -> None:
    rows = [Answered(row, "abcc"[row % 4], "abcd"[row % 4], row / 40) for row in range(40)]
    found = Counter(
        d.row
        for seed in range(1500)
        for d in draw(rows, str(seed))
        if (d.stratum, d.place) == ("agree", place)
    )
    assert len(found) == 30
    assert chisquare(list(found.values())).pvalue > 0.001


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_the_first_of_a_stratum_are_spread_over_the_classes(seed: str) -> None:
    rows = [Answered(row, "abcd"[row % 4], "abcd"[row % 4], 0.5) for row in range(200)]
    asked = Counter(rows[d.row].teacher for d in draw(rows, seed)[:20])
    assert asked.keys() == set("abcd")
    assert set(asked.values()) <= {4, 5, 6}
