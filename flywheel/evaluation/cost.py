"""What 1,000 requests to a model cost, from the price table."""

from decimal import Decimal
from typing import Protocol

from flywheel.settings import PriceConfig
from flywheel.settings.sections import ModelPrice

_DIGITS = Decimal("1e-8")


class Usage(Protocol):
    """What one request to a model takes, on average; None where nobody measured it."""

    @property
    def model_name(self) -> str: ...
    @property
    def input_tokens(self) -> float | None: ...
    @property
    def output_tokens(self) -> float | None: ...
    @property
    def seconds(self) -> float | None: ...


def find_price(prices: PriceConfig, model_name: str) -> ModelPrice | None:
    """The price of a model: by its name, else by the longest `prefix*` that fits."""
    if model_name in prices.models:
        return prices.models[model_name]
    prefixes = [
        name for name in prices.models if name.endswith("*") and model_name.startswith(name[:-1])
    ]
    return prices.models[max(prefixes, key=len)] if prefixes else None


def cost_per_1000(prices: PriceConfig, usage: Usage) -> Decimal | None:
    """Cost of 1,000 requests, in the table's currency.

    None where the table has no price for the model, or where the price depends on something
    that was not measured.
    """
    price = find_price(prices, usage.model_name)
    if price is None:
        return None
    return request_cost(price, usage.seconds, usage.input_tokens, usage.output_tokens)


def cost_of_use(prices: PriceConfig, usage: Usage) -> Decimal | None:
    """Cost of what was used, once: like `cost_per_1000` of sums instead of means."""
    per_1000 = cost_per_1000(prices, usage)
    return None if per_1000 is None else per_1000 / 1000


def cost_per_correct(cost_per_1000: Decimal | None, n: int, correct: int) -> Decimal | None:
    """Cost of one right answer where `correct` of `n` requests were answered right.

    The wrong answers are paid for too. None without a cost or without a right answer.
    """
    if cost_per_1000 is None or not correct:
        return None
    return (cost_per_1000 * n / (1000 * correct)).quantize(_DIGITS / 1000)


def request_cost(
    price: ModelPrice,
    seconds: float | None,
    input_tokens: float | None,
    output_tokens: float | None,
) -> Decimal | None:
    """Cost of 1,000 requests that take `seconds` and tokens each (means).

    A machine paid by the hour is taken to answer one request after the other without a break,
    so its cost is a lower bound where it idles.
    """
    parts = (
        (price.input_per_million, input_tokens, Decimal(1_000_000)),
        (price.output_per_million, output_tokens, Decimal(1_000_000)),
        (price.per_hour, seconds, Decimal(3600)),
    )
    total = Decimal(0)
    for rate, amount, unit in parts:
        if rate == 0:
            continue
        if amount is None:
            return None
        total += rate * Decimal(str(amount)) * 1000 / unit
    return total.quantize(_DIGITS)
