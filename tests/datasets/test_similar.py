"""Texts that nearly repeat each other are found, and others are not."""

import gzip
import random
import string

import numpy as np
import orjson
import pytest

from flywheel.datasets.normalise import near_key
from flywheel.datasets.similar import SimilarTexts
from tests.support.records import real_file

THRESHOLD = 0.8


def groups_of(texts: list[str], threshold: float = THRESHOLD) -> list[int]:
    similar = SimilarTexts(threshold)
    for text in texts:
        similar.add(text)
    return similar.groups().tolist()


def jaccard(one: str, other: str) -> float:
    """Of the sets of five-character shingles, exactly."""
    a, b = ({text[i : i + 5] for i in range(len(text) - 4)} for text in (one, other))
    return len(a & b) / len(a | b)


def some_text(rng: random.Random, length: int) -> str:
    return "".join(rng.choices(string.ascii_lowercase, k=length))


def edited(text: str, edits: int, rng: random.Random) -> str:
    letters = list(text)
    for place in rng.sample(range(len(text)), edits):
        letters[place] = rng.choice(string.ascii_uppercase)
    return "".join(letters)


def test_pairs_above_the_threshold_are_found_and_those_below_are_not() -> None:
    rng = random.Random(1)
    pairs = []
    for _ in range(600):
        text = some_text(rng, rng.randint(60, 300))
        pairs.append((text, edited(text, rng.randint(0, 12), rng)))
    groups = groups_of([text for pair in pairs for text in pair])
    together = [groups[2 * i] == groups[2 * i + 1] for i in range(len(pairs))]
    exact = [jaccard(*pair) for pair in pairs]
    # The estimate is within four standard errors (0.14 at the threshold) of what is true.
    above = [t for t, j in zip(together, exact, strict=True) if j > THRESHOLD + 0.14]
    below = [t for t, j in zip(together, exact, strict=True) if j < THRESHOLD - 0.14]
    assert len(above) > 50
    assert all(above)
    assert len(below) > 50
    assert not any(below)
    assert len(set(groups)) >= len(pairs)  # different texts are strangers to each other


def test_a_chain_of_small_edits_is_one_group() -> None:
    rng = random.Random(2)
    chain = [some_text(rng, 200)]
    for _ in range(20):
        chain.append(edited(chain[-1], 1, rng))
    assert jaccard(chain[0], chain[-1]) < THRESHOLD
    strangers = [some_text(rng, 200) for _ in range(40)]
    groups = groups_of([*chain, *strangers])
    assert len(set(groups[: len(chain)])) == 1
    assert len(set(groups)) == 1 + len(strangers)


@pytest.mark.parametrize("records", [40, 1500])
def test_instructions_that_every_request_repeats_do_not_make_them_alike(records: int) -> None:
    rng = random.Random(3)
    before = some_text(rng, 400)
    texts = [before + some_text(rng, 60) for _ in range(records)]
    texts[-1] = edited(texts[0], 0, rng)[:-1]
    groups = groups_of(texts)
    assert groups[0] == groups[-1]
    assert len(set(groups)) == records - 1


@pytest.mark.parametrize("text", ["", "a", "abcd", "日本語", "🙂🙂🙂🙂🙂🙂", "\ud800"])
def test_short_and_strange_texts_are_alike_only_to_themselves(text: str) -> None:
    groups = groups_of([text, "something else altogether", text])
    assert groups[0] == groups[2] != groups[1]


def test_no_text_at_all() -> None:
    assert groups_of([]) == []


def test_other_scripts_are_compared_by_character() -> None:
    text = "日本銀行は金融政策決定会合で大規模緩和の維持を決めた"
    one, other, stranger = groups_of([text, text + "。", text[::-1]])
    assert one == other != stranger


def test_real_headlines_that_differ_in_a_word_are_found() -> None:
    with gzip.open(real_file("news_topics.jsonl.gz")) as file:
        texts = [orjson.loads(line)["request"]["messages"][-1]["content"] for line in file]
    keys = list(dict.fromkeys(near_key(text) for text in texts))
    groups = np.array(groups_of(keys))
    sizes = np.bincount(groups)
    pairs = [np.flatnonzero(groups == group)[:2] for group in np.flatnonzero(sizes == 2)]
    found = [jaccard(keys[a], keys[b]) for a, b in pairs]
    assert len(found) > 300
    assert min(found) > THRESHOLD - 0.14
    assert sizes.max() < 0.001 * len(keys)
