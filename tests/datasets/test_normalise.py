"""When two texts are nearly the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel.datasets.normalise import near_key, strip_links


@pytest.mark.parametrize(
    "variant",
    [
        "Shares of Foo rise 5%",
        "shares of foo RISE 5%",
        "Shares  of\nFoo\trise 5%",
        "Shares of Foo rise 5%!!!",
        "“Shares of Foo” – rise 5 %…",
        "Shares of Foo rise 5% https://t.co/AbC123",
        "http://x.example/y?z=1#a Shares of Foo rise 5%",
        "Shares of Foo rise 5% HTTPS://T.CO/ABC",
        "Shares of Foo rise 5% www.foo.example/news",
        "Shares of Foo rise 5% t.co/AbC123",
        "Shares of Foo rise 5% ftp://files.example/a",
        "Ｓｈａｒｅｓ of Foo rise 5％",
        "Shares of Foo rise 5% 🚀",
        "Shares of Foo rise 5% ❤️",
    ],
)
def test_near_duplicates(variant: str) -> None:
    assert near_key(variant) == near_key("Shares of Foo rise 5%")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Shares rise 5%", "Shares rise 6%"),
        ("Shares rise", "Shares fall"),
        ("的", "了"),
        ("की", "का"),  # the same consonant with another vowel mark
        ("https://a.example/1", "https://a.example/2"),
        ("!!!", "???"),
        ("", "..."),
        ("résumé", "resume"),
    ],
)
def test_different_texts(one: str, other: str) -> None:
    assert near_key(one) != near_key(other)


@pytest.mark.parametrize("text", ["https://t.co/x", "...", "🚀🚀", "—", " "])
def test_a_text_that_would_become_empty_is_its_own_key(text: str) -> None:
    assert near_key(text) == text


def test_links_go_and_the_text_stays() -> None:
    assert strip_links("a https://t.co/x b").split() == ["a", "b"]
    assert strip_links("and/or 3/4 e.g. this") == "and/or 3/4 e.g. this"
    assert strip_links("Mail me at a.b@c.example") == "Mail me at a.b@c.example"


ASCII = st.text(st.characters(codec="ascii"), max_size=40)


@given(ASCII)
def test_ascii_takes_a_shorter_way_to_the_same_key(text: str) -> None:
    # A leading letter that is not ASCII, and has no case, sends the text the long way.
    if near_key(text) != text:
        assert near_key(f"的 {text}") == "的" + near_key(text)


@given(
    st.text(st.characters(categories=["L", "N"]), min_size=1),
    st.text(" \n.,;:!?-–…'\"", max_size=5),
)
def test_case_space_and_punctuation_do_not_count(word: str, noise: str) -> None:
    assert near_key(f"{noise}{word}{noise}a") == near_key(f"{word}a")


@given(ASCII.filter(lambda text: "/" not in text and "www." not in text.lower()))
def test_case_does_not_count(text: str) -> None:
    if any(c.isalnum() for c in text):
        assert near_key(text.upper()) == near_key(text.lower()) == near_key(text)
