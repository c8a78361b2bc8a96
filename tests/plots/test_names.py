"""Names and sentences made to fit."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel.plots.names import clean, counted, fit, listed, short, width, wrapped
from flywheel.plots.style import drawing

anything = st.text(max_size=400) | st.text(st.characters(categories=["Cs", "Cc", "Cf"]))


@given(anything)
def test_what_is_left_can_stand_in_a_file_of_xml(text: str) -> None:
    line = clean(text)
    assert line
    assert clean(line) == line
    assert not {unicodedata.category(c) for c in line} & {"Cc", "Cs", "Cn"}
    assert not set(line) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    line.encode()


@settings(max_examples=40, deadline=None)
@given(anything, st.floats(60, 500), st.booleans())
def test_a_name_fits_its_room(text: str, room: float, bold: bool) -> None:
    with drawing():
        assert width(fit(text, room, bold=bold), bold=bold) <= room


@settings(max_examples=20, deadline=None)
@given(anything | st.just("word " * 80), st.floats(60, 500))
def test_lines_fit_and_are_few(text: str, room: float) -> None:
    with drawing():
        lines = wrapped(text, room)
        assert 1 <= len(lines) <= 3
        assert all(width(line) <= room for line in lines)


def test_both_ends_of_a_long_name_are_kept() -> None:
    name = "org/" + "very-long-" * 30 + "v2"
    for cut in (short(name), fit(name, 120)):
        assert cut.startswith("org/")
        assert cut.endswith("v2")
        assert "…" in cut
    assert len(short(name)) == 40
    assert fit("tfidf-svm", 200) == short("tfidf-svm") == "tfidf-svm"


def test_a_sentence_that_is_cut_says_so() -> None:
    assert wrapped("one two three", 500) == ["one two three"]
    assert wrapped("word " * 80, 100)[-1].endswith("…")


@pytest.mark.parametrize(
    ("n", "what", "words"),
    [(1, "class", "1 class"), (20, "class", "20 classes"), (1000, "record", "1,000 records")],
)
def test_numbers_of_things(n: int, what: str, words: str) -> None:
    assert counted(n, what) == words


def test_lists() -> None:
    assert listed(["a", "b"], 2) == "a, b"
    assert listed(["a", "b", "c", "d"], 2) == "a, b and 2 more"
