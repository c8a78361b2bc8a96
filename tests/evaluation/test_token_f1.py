"""Token-overlap F1: the cases known of NeMo Evaluator's `f1`, and what must always hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel.evaluation.token_f1 import token_f1

texts = st.text(alphabet="aAbt the\n.,[]é|", max_size=30)
words = st.lists(st.sampled_from(["stock", "price", "bond", "rate"]), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("answer", "reference", "value"),
    [
        ("Price Targets", "Stock price movement", 0.4),  # another label that shares a word
        ("[[[Price Targets]]]", "[[[Stock price movement]]]", 0.4),
        ("I read it twice and think that this headline is about: Dividend", "Dividend", 2 / 13),
        ("[[[Dividend]]]", "the dividend.", 1.0),
        ("Dividend", "Earnings", 0.0),
        ("buy buy sell", "buy sell sell", 2 * 2 / 6),  # words count as often as both have them
        ("M&A", "MA", 1.0),  # punctuation is deleted, not replaced
        ("", "Dividend", 0.0),
        ("The", "a.", 1.0),  # neither has a word left
    ],
)
def test_known_cases(answer: str, reference: str, value: float) -> None:
    assert token_f1([answer], [reference]) == pytest.approx(value)


def test_the_mean_runs_over_records() -> None:
    assert token_f1(["a x", "y", "z"], ["x", "n", "z"]) == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="longer"):
        token_f1(["x"], ["x", "y"])


@given(texts, texts)
def test_bounded_symmetric_and_blind_to_case_and_punctuation(one: str, other: str) -> None:
    value = token_f1([one], [other])
    assert 0 <= value <= 1
    assert token_f1([other], [one]) == value
    assert token_f1([f"[{one.upper()}] !"], [f"  {other.lower()}\n"]) == value
    assert token_f1([one], [one]) == 1


@given(words, words, st.randoms())
def test_counts_words_in_any_order(one: list[str], other: list[str], random: object) -> None:
    shuffled = one.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    value = token_f1([" ".join(one)], [" ".join(other)])
    assert token_f1([" ".join(shuffled)], [" ".join(other)]) == value
    assert (value == 1) == (sorted(one) == sorted(other))
    assert (value == 0) == set(one).isdisjoint(other)
