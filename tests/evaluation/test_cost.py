"""Costs by hand."""

from decimal import Decimal

import pytest

from flywheel.datasets.report import TeacherUsage
from flywheel.evaluation.cost import cost_of_use, cost_per_1000, find_price
from flywheel.settings import PriceConfig
from flywheel.settings.sections import ModelPrice

PRICES = PriceConfig(
    models={
        "meta/llama-3.3-70b-instruct": ModelPrice(
            input_per_million=Decimal("0.60"), output_per_million=Decimal("0.80")
        ),
        "meta/*": ModelPrice(input_per_million=Decimal(2)),
        "meta/llama-3.1*": ModelPrice(input_per_million=Decimal(3)),
        "tfidf-*": ModelPrice(per_hour=Decimal("0.10")),
        "free": ModelPrice(),
    }
)


def usage(
    name: str,
    input_tokens: float | None = 100,
    output_tokens: float | None = 5,
    seconds: float | None = 0.5,
) -> TeacherUsage:
    return TeacherUsage(
        model_name=name, input_tokens=input_tokens, output_tokens=output_tokens, seconds=seconds
    )


@pytest.mark.parametrize(
    ("name", "input_per_million"),
    [("meta/llama-3.3-70b-instruct", "0.60"), ("meta/llama-3.1-8b", "3"), ("meta/other", "2")],
)
def test_the_longest_match_counts(name: str, input_per_million: str) -> None:
    price = find_price(PRICES, name)
    assert price is not None
    assert price.input_per_million == Decimal(input_per_million)


def test_tokens() -> None:
    # 100,000 input tokens at 0.60 and 5,000 output tokens at 0.80 a million
    assert cost_per_1000(PRICES, usage("meta/llama-3.3-70b-instruct")) == Decimal("0.064")


def test_one_answer_with_all_its_calls() -> None:
    # 4,000 input tokens at 0.60 and 250 output tokens at 0.80 a million
    used = usage("meta/llama-3.3-70b-instruct", 4000, 250, None)
    assert cost_of_use(PRICES, used) == Decimal("0.0026")
    assert cost_of_use(PRICES, usage("nobody")) is None


def test_hours() -> None:
    # 500 seconds at 0.10 an hour
    assert cost_per_1000(PRICES, usage("tfidf-svm", None, None)) == Decimal("0.01388889")


def test_free_is_not_unknown() -> None:
    assert cost_per_1000(PRICES, usage("free", None, None, None)) == 0


def test_unknown_is_none() -> None:
    assert cost_per_1000(PRICES, usage("gpt")) is None
    assert cost_per_1000(PRICES, usage("tfidf-svm", seconds=None)) is None
    assert cost_per_1000(PRICES, usage("meta/other", input_tokens=None)) is None
