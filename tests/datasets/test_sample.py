"""The synthetic log: repeatable, valid, and with the troubles of a real one."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from flywheel.datasets.labels import extract_label
from flywheel.datasets.normalise import near_key
from flywheel.datasets.sample import DAYS, START, sample_records, system_prompt
from flywheel.datasets.sample_templates import LABELS, TEMPLATES
from flywheel.records import parse_record

KNOWN = frozenset(LABELS)


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    return list(sample_records(6000, seed=7))


def headline(record: dict[str, Any]) -> str:
    return str(record["request"]["messages"][-1]["content"])


def answer(record: dict[str, Any]) -> str:
    return str(record["response"]["choices"][0]["message"]["content"])


def test_every_record_is_valid_and_says_that_it_is_synthetic(records: list[dict[str, Any]]) -> None:
    assert len(records) == 6000
    for record in records:
        parsed = parse_record(orjson.dumps(record))
        assert record["synthetic"] is True
        assert (parsed.workload_id, parsed.client_id) == (
            "news_classifier",
            "demo-newsdesk",
        )
        assert parsed.response.model == "meta/llama-3.3-70b-instruct"
        assert 0.1 < (parsed.latency_seconds or 0) < 10
        assert parsed.response.usage is not None
        assert (parsed.response.usage.prompt_tokens or 0) > 100
        assert "{" not in headline(record)


def test_the_same_seed_is_the_same_log(records: list[dict[str, Any]]) -> None:
    assert list(sample_records(6000, seed=7)) == records
    assert next(sample_records(100, seed=8)) != next(sample_records(100, seed=7))


def test_the_prompt_names_every_event_type(records: list[dict[str, Any]]) -> None:
    prompt = records[0]["request"]["messages"][0]["content"]
    assert prompt == system_prompt()
    assert "; ".join(LABELS) in prompt
    assert not prompt.startswith("---")
    assert "$" not in prompt
    assert len(LABELS) == 13


def test_times_rise_over_the_weeks_from_a_fixed_start(records: list[dict[str, Any]]) -> None:
    times = [record["timestamp"] for record in records]
    assert times == sorted(times)
    first, last = (datetime.fromtimestamp(times[i], UTC) for i in (0, -1))
    assert (first - START).days == 0
    assert (last - START).days == DAYS - 1


def test_the_mix_is_skewed_and_every_type_occurs(records: list[dict[str, Any]]) -> None:
    assert sum(share for share, _ in TEMPLATES.values()) == pytest.approx(1)
    labels = Counter(extract_label(answer(record), KNOWN) for record in records)
    assert set(labels) == {*LABELS, None}
    counts = [labels[label] for label in LABELS]
    assert max(counts) > 6 * min(counts)
    assert min(counts) > 50
    assert 20 < labels[None] < 100


def test_it_has_repeats_and_near_repeats(records: list[dict[str, Any]]) -> None:
    texts = Counter(map(headline, records))
    keys = Counter(near_key(text) for text in texts)
    exact = sum(n - 1 for n in texts.values())
    near = sum(n - 1 for n in keys.values())
    assert 60 < exact < 300
    assert 180 < near < 600


def test_answers_come_in_several_styles(records: list[dict[str, Any]]) -> None:
    answers = [answer(record) for record in records]
    styles = Counter(
        "triple" if a.startswith("[[[") else "double" if a.startswith("[[") else
        "single" if a.startswith("[") else "bare" if a in KNOWN else "words"
        for a in answers
    )  # fmt: skip
    assert set(styles) == {"triple", "double", "single", "bare", "words"}
    assert styles["triple"] > 0.85 * len(answers)


def test_headlines_vary(records: list[dict[str, Any]]) -> None:
    shapes = {near_key(headline(record)) for record in records}
    assert len(shapes) > 5000
