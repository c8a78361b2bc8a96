"""In-context examples: from the training set only, within the budget, even, and reproducible."""

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel.datasets.labels import Labels
from flywheel.evaluation.examples import Pool, shortlist
from flywheel.evaluation.likeness import tfidf, unit
from flywheel.evaluation.prompts import (
    Example,
    estimate_tokens,
    message_tokens,
    read_example,
    request_tokens,
    tools_on_offer,
    wire_message,
    with_examples,
)
from flywheel.settings import IclConfig
from flywheel.settings.sections import SimilarityConfig
from tests.support.openai_server import check_messages

LABELS = Labels("abcde")


def example(text: str, label: str = "a", length: int = 0) -> Example:
    made = read_example(
        [
            {"role": "system", "content": "Classify."},
            {"role": "user", "content": text + " x" * length},
            {"role": "assistant", "content": f"[[[{label}]]]"},
        ],
        LABELS,
    )
    assert made is not None
    return made


def icl(most: int, least: int = 1, ratio: float | None = None) -> IclConfig:
    similarity = SimilarityConfig(relevance_ratio=ratio)
    return IclConfig(max_examples=most, min_examples=least, similarity_config=similarity)


examples = st.lists(
    st.builds(
        example,
        st.text("wxyz ", min_size=1, max_size=8),
        st.sampled_from("abcde"),
        st.integers(0, 40),
    ),
    max_size=25,
)
limits = st.integers(0, 6).flatmap(
    lambda most: st.tuples(
        st.just(most), st.integers(0, most), st.sampled_from([None, 0.0, 0.7, 1])
    )
)


@given(examples, limits, st.integers(0, 400), st.booleans())
def test_as_many_as_fit_and_never_more(
    found: list[Example], limit: tuple[int, int, float | None], room: int, alike: bool
) -> None:
    most, least, ratio = limit
    likeness = tfidf([e.text for e in found], ["w x"]).likeness(0) if alike and found else None
    pool = Pool(found)
    chosen = pool.choose(icl(most, least, ratio), room, likeness=likeness)
    assert chosen == Pool(found).choose(icl(most, least, ratio), room, likeness=likeness)
    assert len(set(chosen)) == len(chosen)
    assert all(0 <= i < len(found) for i in chosen)
    assert sum(found[i].tokens for i in chosen) <= room or not chosen
    lengths = np.cumsum(sorted(one.tokens for one in found)[:most])
    fitting = int((lengths <= room).sum())
    assert len(chosen) == (fitting if fitting >= max(least, 1) else 0)


@given(examples, st.integers(1, 8))
def test_uniform_is_as_even_as_the_labels_allow(found: list[Example], most: int) -> None:
    chosen = Pool(found).choose(icl(most), 10**6)
    taken = Counter(found[i].group for i in chosen)
    there = Counter(one.group for one in found)
    for group, n in there.items():
        assert taken[group] == n or taken[group] >= max(taken.values()) - 1


@given(examples, st.integers(1, 6), st.integers(0, 3), st.integers(0, 400))
def test_the_shortlist_serves_as_well_as_all(
    found: list[Example], most: int, seed: int, room: int
) -> None:
    listed = shortlist(found, most, seed)
    assert listed == shortlist(found, most, seed)
    assert all(any(one is kept for kept in found) for one in listed)
    assert len(listed) <= most * (len({one.group for one in found}) + 1)
    wanted = icl(most)
    few, full = Pool(listed).choose(wanted, room), Pool(found).choose(wanted, room)
    assert len(few) == len(full)


def test_seeds_choose_differently() -> None:
    found = [example(f"w {i}", "abcde"[i % 5]) for i in range(50)]
    lists = {tuple(one.text for one in shortlist(found, 2, seed)) for seed in range(5)}
    assert len(lists) == 5


def test_likeness_first_then_labels_that_are_not_there_yet() -> None:
    texts = ["oil price", "oil barrel", "oil", "gold price", "bank rate", "cat"]
    found = [example(t, label) for t, label in zip(texts, "aaabcd", strict=True)]
    likeness = tfidf(texts, ["oil price barrel"]).likeness(0)
    best = Pool(found).choose(icl(3, ratio=1), 10**6, likeness=likeness)
    assert {texts[i] for i in best} == {"oil price", "oil barrel", "oil"}
    assert list(likeness[best]) == sorted(likeness[best]), "the most alike is next to the question"
    mixed = Pool(found).choose(icl(3), 10**6, likeness=likeness)  # 0.7 of 3 are 2
    assert {texts[i] for i in mixed} == {"oil price", "oil barrel", "gold price"}
    wide = Pool(found).choose(icl(4, ratio=0), 10**6, likeness=likeness)
    assert Counter(found[i].group for i in wide) == Counter("abcd")


def test_a_long_example_gives_way_to_others() -> None:
    found = [
        example("w", "a", 200),
        example("w", "b", 3),
        example("w", "a", 5),
        example("w", "c", 1),
    ]
    room = sum(found[i].tokens for i in (1, 2, 3))
    assert sorted(Pool(found).choose(icl(3), room)) == [1, 2, 3]
    assert Pool(found).choose(icl(3, least=3), room - 1) == []
    assert len(Pool(found).choose(icl(3, least=2), room - 1)) == 2
    assert Pool([]).choose(icl(3), 10**6) == []


@given(st.text(max_size=200))
def test_an_estimate_is_not_below_words_digits_and_marks(text: str) -> None:
    least = sum(not c.isspace() and not c.isalpha() for c in text)
    assert len(text.encode("utf-8", "replace")) >= estimate_tokens(text) >= least
    assert estimate_tokens(text + "abc") <= estimate_tokens(text) + 3


def test_media_and_tools_count() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:"}}
    message = {"role": "user", "content": [{"type": "text", "text": "what"}, picture]}
    assert message_tokens(message) > 1000
    asked = [{"role": "user", "content": "what"}]
    assert request_tokens(asked, [{"type": "function", "function": {"name": "f"}}]) > (
        request_tokens(asked) + 200
    )


def call(name: str, arguments: object, number: str = "c1") -> dict[str, Any]:
    return {"id": number, "type": "function", "function": {"name": name, "arguments": arguments}}


def conversation() -> list[dict[str, Any]]:
    """Two calls at once, their results, and another call as the answer; ids as they were logged."""
    return [
        {"role": "system", "content": "Book."},
        {"role": "user", "content": "To Rome and Bonn"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [call("find", {"to": "Rome"}, "c1"), call("find", {"to": "Bonn"}, "c2")],
        },
        {"role": "tool", "tool_call_id": "c2", "content": "flight 2"},
        {"role": "tool", "tool_call_id": "c1", "content": "flight 1"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [call("book", {"flight": 1}), call("book", {"flight": 2})],
        },
    ]


def test_tool_calls_stand_in_the_prompt_as_the_api_wants_them() -> None:
    one = read_example(conversation(), LABELS)
    assert one is not None
    assert (one.group, one.called, one.text) == ("book+book", {"book"}, "To Rome and Bonn")
    asked = [{"role": "system", "content": "Book."}, {"role": "user", "content": "To Oslo"}]
    messages = with_examples(asked, [one, one])
    check_messages(messages)
    assert messages[0] == asked[0]
    assert messages[-1] == asked[-1]
    calls = [c for m in messages for c in m.get("tool_calls", [])]
    assert len({c["id"] for c in calls}) == len(calls) == 8
    assert json.loads(calls[0]["function"]["arguments"]) == {"to": "Rome"}
    results = {m["tool_call_id"]: m["content"] for m in messages if m["role"] == "tool"}
    assert (results[calls[0]["id"]], results[calls[1]["id"]]) == ("flight 1", "flight 2")
    assert one.tokens == sum(message_tokens(m) for m in messages[1:9])


def test_a_record_without_question_or_answer_is_no_example() -> None:
    answer = {"role": "assistant", "content": "[[[a]]]"}
    assert read_example([{"role": "system", "content": "x"}, answer], LABELS) is None
    assert read_example([{"role": "user", "content": "x"}], LABELS) is None
    greeted = [{"role": "assistant", "content": "Hello"}, {"role": "user", "content": "x"}, answer]
    made = read_example(greeted, LABELS)
    assert made is not None
    assert [turn["role"] for turn in made.turns] == ["user", "assistant"]
    with pytest.raises(KeyError):
        read_example([{"content": "x"}], LABELS)


def test_examples_call_tools_that_the_request_offers_where_there_are_enough() -> None:
    def calling(name: str) -> Example:
        answer = {"role": "assistant", "content": None, "tool_calls": [call(name, {})]}
        made = read_example([{"role": "user", "content": name}, answer], LABELS)
        assert made is not None
        return made

    found = [calling(name) for name in ("find", "book", "find", "cancel")]
    offered = tools_on_offer([{"type": "function", "function": {"name": "find"}}])
    assert Pool(found).choose(icl(3), 10**6, offered) == [0, 2]
    assert len(Pool(found).choose(icl(3, least=3), 10**6, offered)) == 3
    assert len(Pool(found).choose(icl(3), 10**6, frozenset({"other"}))) == 3


def test_logged_messages_go_over_the_wire_as_text() -> None:
    sent = wire_message({"role": "assistant", "content": "x", "tool_calls": None})
    assert sent == {"role": "assistant", "content": "x"}
    logged = {
        "role": "assistant",
        "tool_calls": [{"function": {"name": "f", "arguments": {"ü": 1}}}],
    }
    assert wire_message(logged)["tool_calls"][0]["function"]["arguments"] == '{"ü": 1}'
    assert logged["tool_calls"][0]["function"]["arguments"] == {"ü": 1}, "the record is as it was"


def test_nothing_is_alike_where_there_are_no_words() -> None:
    assert tfidf(["...", "!"], ["?"]).likeness(0).tolist() == [0, 0]
    assert unit(np.array([[3, 4], [0, 0]], dtype=np.float32)).tolist() == [
        [pytest.approx(0.6), pytest.approx(0.8)],
        [0, 0],
    ]
