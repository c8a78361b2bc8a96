"""Equal JSON values in different clothes."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel.evaluation.json_values import NotJsonError, canonical, parse

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([0.0, 1.0, -2.0, 0.5, 1e300, 2**53 + 1, 10**18 + 1]),
    st.sampled_from(["", "a", "A", "1", "é", "e\u0301", "\u2028", "\ud800"]),
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=6,
)


def dressed(value: Any, rng: random.Random) -> str:
    """The JSON text of the value with other white space, order of keys and form of numbers."""
    space = lambda: rng.choice(["", " ", "\n\t"])  # noqa: E731
    match value:
        case dict():
            members = list(value.items())
            rng.shuffle(members)
            texts = [
                f"{space()}{json.dumps(k)}{space()}:{space()}{dressed(v, rng)}" for k, v in members
            ]
            return "{" + f"{space()},".join(texts) + space() + "}"
        case list():
            return "[" + f"{space()},".join(dressed(v, rng) for v in value) + space() + "]"
        case bool() | None:
            return json.dumps(value)
        case int() if abs(value) < 2**53:
            return rng.choice([f"{value}", f"{value}.0", f"{value}e0", f"{10 * value}E-1"])
        case str():
            return json.dumps(value, ensure_ascii=rng.random() < 0.5)
    return json.dumps(value)


def same(one: Any, other: Any) -> bool:
    """Equality, told apart by kind first: Python takes True for 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    return bool(one == other)


@given(values, st.integers(0, 2**32))
def test_form_makes_no_difference(value: Any, seed: int) -> None:
    assert canonical(parse(dressed(value, random.Random(seed)))) == canonical(value)


@given(values, values)
def test_the_canonical_text_is_shared_exactly_by_equal_values(one: Any, other: Any) -> None:
    assert (canonical(one) == canonical(other)) == same(one, other)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("1", "1.0", True),
        ("100", "1e2", True),
        ("-0.0", "0", True),
        ("0.1", "0.10000000000000001", True),  # the same double
        ("0.1", "0.2", False),
        ("1", "true", False),
        ("0", "false", False),
        ("null", "false", False),
        ("1", '"1"', False),
        ("[1, 2]", "[2, 1]", False),
        ('"a"', '"a "', False),
        ('"\\u00e9"', '"é"', True),
        ("1234567890123456789", "1234567890123456788", False),  # the same double, another id
        ('{"a": 1, "b": {"c": 2, "d": 3}}', '{"b":{"d":3.0,"c":2},"a":1}', True),
        ('{"a": null}', "{}", False),
    ],
)
def test_pairs(one: str, other: str, equal: bool) -> None:
    assert (canonical(parse(one)) == canonical(parse(other))) == equal


@pytest.mark.parametrize(
    "text",
    [*("", "{", "{'a': 1}", "NaN", "-Infinity", "1e999", "01", "1" * 5000), "[" * 100_000],
)
def test_what_is_no_json(text: str) -> None:
    with pytest.raises(NotJsonError):
        parse(text)


def test_values_that_no_json_has() -> None:
    for value in (float("nan"), float("inf"), {1, 2}):
        with pytest.raises(NotJsonError):
            canonical({"a": value})
