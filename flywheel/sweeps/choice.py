"""Which trial is best. Pure."""

from collections.abc import Mapping

from flywheel.ports.platform import Validation

_NAMES = {"macro_f1": "macro-F1", "loss": "loss"}


def best(measured: Mapping[int, Validation]) -> int | None:
    """The number of the best trial on the validation set; the lowest where they are equal.

    Only what was measured in the same way is compared: the way of most of them.
    """
    ways = [found.metric for found in measured.values()]
    if not ways:
        return None
    way = max(sorted(set(ways)), key=ways.count)
    sign = 1 if way == "macro_f1" else -1
    compared = {n: found for n, found in measured.items() if found.metric == way}
    return max(sorted(compared), key=lambda n: sign * compared[n].value)


def in_words(found: Validation) -> str:
    """'validation macro-F1 0.812'."""
    return f"validation {_NAMES[found.metric]} {found.value:.3f}"
