"""Reading the label out of an answer."""

import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from flywheel.datasets.labels import (
    LONGEST_LABEL,
    Labels,
    bracketed,
    extract_label,
    known_labels,
    label_places,
    spellings,
)

KNOWN = frozenset(["Earnings", "M&A | Investments", "Company | Product News", "U.S.", "Legal"])


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("[[[Earnings]]]", "Earnings"),
        ("[[Earnings]]", "Earnings"),
        ("[Earnings]", "Earnings"),
        ("Earnings", "Earnings"),
        ("  earnings.\n", "Earnings"),
        ("[[[ EARNINGS ]]]", "Earnings"),
        ("[[[**Earnings**]]]", "Earnings"),
        ('[[["Earnings"]]]', "Earnings"),
        ("[[[Earnings.]]]", "Earnings"),
        ("[[[U.S.]]]", "U.S."),
        ("U.S.", "U.S."),
        ("[[[M&A |\n   Investments]]]", "M&A | Investments"),
        ("company |\tproduct news", "Company | Product News"),
        ("[[[Something new]]]", "Something new"),
        ("[[[Rates [fixed]]]]", "Rates [fixed]"),
        ("[[[[Earnings]]]]", "Earnings"),
        ("[[[Earnings]]", "Earnings"),
        ("[[[Earnings]", "Earnings"),
        ("Label: Earnings", "Earnings"),
        ("**Answer:** Earnings", "Earnings"),
        ("The category is Earnings.", "Earnings"),
        ("Because of the profit.\n\nEvent type: Legal", "Legal"),
        ("Legal\n\nBecause a court is named.", "Legal"),
    ],
)
def test_forms_of_an_answer(answer: str, label: str) -> None:
    assert extract_label(answer, KNOWN) == label


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("Not [[[Legal]]] but [[[Earnings]]]", "Earnings"),
        ("[[[Earnings]]], in the format [[[Label]]]", "Earnings"),
        ("[[[One]]] or [[[Two]]]", "Two"),
        ("[Legal]? [[Legal]]? [[[Earnings]]]", "Earnings"),
        ("[[[Earnings]]], not [[Legal]] and not [Legal]", "Earnings"),
        ("[Legal] and [[Earnings]] and [Legal]", "Earnings"),
        ("See [1], [note](http://x) and [earnings]; also [2]", "Earnings"),
        ("<think>[[[Legal]]]? No.</think>\n[[[Earnings]]]", "Earnings"),
    ],
)
def test_of_several_brackets(answer: str, label: str) -> None:
    assert extract_label(answer, KNOWN) == label


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "[[[",
        "[[[]]]",
        "[[[  \n ]]]",
        "I cannot say.",
        "It is about earnings and legal matters.",
        "See [1] and [2].",
        "[Earnings](http://x)",
        f"[[[{'x' * (LONGEST_LABEL + 1)}]]]",
        "unknown",
    ],
)
def test_no_label_is_none(answer: str) -> None:
    assert extract_label(answer, KNOWN) is None


def test_without_known_labels_only_brackets_count() -> None:
    assert extract_label("Earnings") is None
    assert extract_label("[[[Earnings]]]") == "Earnings"
    assert extract_label("[Earnings]") == "Earnings"
    assert extract_label("It is [Earnings].") is None


def test_known_labels_come_from_the_brackets_in_their_usual_spelling() -> None:
    labels = known_labels({"Legal": 9, "legal": 2, "Legal.": 1, "U.S.": 1}, {"anything": 50})
    assert labels.spelling("LEGAL.") == "Legal"
    assert labels.spelling("u.s.") == "U.S."
    assert labels.spelling("anything") is None


def test_known_labels_without_any_brackets_are_the_answers_that_repeat() -> None:
    labels = known_labels({}, {"spam": 40, "Spam": 3, "ham": 60, "ham.": 2, "a long story": 1})
    assert [labels.spelling(text) for text in ("SPAM", "ham.", "a long story")] == [
        "spam",
        "ham",
        None,
    ]


def test_free_text_teaches_no_labels() -> None:
    stories = {f"story {number}": 1 + number % 2 for number in range(100)}
    assert known_labels({}, stories).spelling("story 1") is None


def test_labels_that_differ_in_more_than_the_end_stay_apart() -> None:
    assert spellings({"A": 9, "A*": 3, "A+": 2}) == {"A": "A", "A*": "A*", "A+": "A+"}


# --- properties -------------------------------------------------------------------------------

LABEL = (
    st.text(
        st.characters(codec="utf-8", categories=["L", "N", "Zs"], include_characters="|&/-+_()<>"),
        min_size=1,
        max_size=30,
    )
    .map(lambda text: " ".join(text.split()))
    .filter(lambda text: any(c.isalnum() for c in text))
)
SPACE = st.text(" \n\t", max_size=3)
PROSE = st.text(st.characters(codec="ascii", exclude_characters="[]"), max_size=60)


@given(LABEL, SPACE, SPACE, PROSE, PROSE, st.sampled_from([2, 3]))
def test_a_bracketed_label_is_found_in_any_prose(
    label: str, left: str, right: str, before: str, after: str, depth: int
) -> None:
    spread = label.replace(" ", "\n  ")
    answer = f"{before}{'[' * depth}{left}{spread}{right}{']' * depth}{after}"
    assert extract_label(answer) == label
    assert extract_label(answer, frozenset([label.upper()])) in (label.upper(), label)


@given(LABEL, SPACE, SPACE)
def test_single_brackets_and_bare_labels_are_found_where_they_are_known(
    label: str, left: str, right: str
) -> None:
    known = frozenset([label])
    assert extract_label(f"{left}{label}{right}", known) == label
    assert extract_label(f"Surely [{left}{label}{right}] and [1]?", known) == label


@given(st.text(), st.frozensets(LABEL, max_size=4))
def test_any_answer_gives_a_clean_label_or_none(answer: str, known: frozenset[str]) -> None:
    label = extract_label(answer, known)
    if label is not None:
        assert label == label.strip() != ""
        assert len(label) <= LONGEST_LABEL
        assert label in known or "[" in answer


@given(st.lists(st.sampled_from(["Legal", "Earnings", "Else"]), min_size=1, max_size=5))
def test_the_last_known_label_is_the_answer(labels: list[str]) -> None:
    known = [label for label in labels if label in KNOWN]
    answer = " or ".join(f"[[[{label}]]]" for label in labels)
    assert extract_label(answer, KNOWN) == (known or labels)[-1]


@given(st.text(max_size=600), LABEL)
def test_what_is_kept_of_a_long_text_holds_its_bare_label(text: str, label: str) -> None:
    assume("\n" not in label)
    labels = Labels([label])
    for answer in (f"{text}\n{label}", f"{label}\n{text}"):
        if labels.extract(answer) == label and bracketed(answer) is None:
            assert labels.extract(label_places(answer)) == label


def test_reading_is_fast_also_on_hostile_answers() -> None:
    hostile = ["[" * 20_000, "[[[" * 5_000 + "x", "[[[x" * 5_000, "label " * 5_000, "]" * 20_000]
    started = time.perf_counter()
    for answer in hostile:
        extract_label(answer, KNOWN)
    for _ in range(10_000):
        bracketed("[[[Company | Product News]]]")
    assert time.perf_counter() - started < 2
