"""When two pieces of JSON are the same value, whatever they look like. Pure."""

import json
import math
from typing import Any, NoReturn


class NotJsonError(ValueError):
    """A text is not JSON, or holds a number that no program reads alike."""


def parse(text: str) -> Any:
    """The value of a JSON text. Raises NotJsonError; NaN and infinities are no JSON."""
    try:
        return json.loads(text, parse_float=_finite, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise NotJsonError(str(error)) from None


def canonical(value: Any) -> str:
    """A text that two JSON values share exactly where they are equal.

    The order of keys and the form of numbers (1, 1.0, 1e0) make no difference; the order of
    lists, every character of strings, and true against 1 do. As RFC 8785 has it, but for whole
    numbers, which are compared digit by digit: identifiers are often longer than a double is
    exact. Raises NotJsonError where `value` is no JSON value.
    """
    try:
        return json.dumps(_plain(value), sort_keys=True, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise NotJsonError(str(error)) from None


def _plain(value: Any) -> Any:
    """The value with whole numbers as integers."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {key: _plain(member) for key, member in value.items()}
        case list():
            return [_plain(member) for member in value]
    return value


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is larger than any number that programs read alike")
    return number


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")
