"""A schedule as text, from the steps of a run as they really went. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

WIDTH = 72
_MARKS = {
    "customize": ("█", "fine-tuning"),
    "deploy": ("▒", "deploying"),
    "held": ("░", "serving"),
    "base-eval": ("b", "base eval"),
    "icl-eval": ("i", "eval with examples"),
    "customized-eval": ("c", "customized eval, from sync on"),
}
# The rows of a candidate: what goes on side by side has rows of its own.
_ROWS = (
    ("fine-tune", ("customize",)),
    ("serve", ("deploy", "held")),
    ("base eval", ("base-eval",)),
    ("icl eval", ("icl-eval",)),
    ("cust. eval", ("customized-eval",)),
)


class Bar(NamedTuple):
    """Something that went on, in seconds."""

    candidate: str
    kind: str
    start: float
    end: float


def gantt(bars: Sequence[Bar], seconds: float) -> Iterable[str]:
    """Lines; `seconds` is the whole width."""
    scale = WIDTH / seconds
    minutes = round(seconds / 60 / 6)  # between two marks
    axis = [" "] * (WIDTH + 8)
    for minute in range(0, int(seconds / 60) + 1, max(minutes, 1)):
        place = round(minute * 60 * scale)
        axis[place : place + len(str(minute))] = str(minute)
    yield f"{'':24}{''.join(axis).rstrip()} min"
    for candidate in dict.fromkeys(bar.candidate for bar in bars):
        shown = candidate.rpartition("/")[2]
        for row, kinds in _ROWS:
            line = [" "] * WIDTH
            own = [bar for bar in bars if bar.candidate == candidate and bar.kind in kinds]
            for bar in sorted(own, key=lambda bar: kinds.index(bar.kind)):
                first = min(round(bar.start * scale), WIDTH - 1)
                last = max(round(bar.end * scale), first + 1)
                line[first:last] = _MARKS[bar.kind][0] * (last - first)
            if own:
                yield f"{shown[:12]:13}{row:11}{''.join(line).rstrip()}"
                shown = ""
    yield f"{'':24}" + ", ".join(f"{mark} {words}" for mark, words in _MARKS.values())


def most_held(bars: Iterable[Bar]) -> int:
    """GPUs that were held at once, of one each."""
    held = [bar for bar in bars if bar.kind in {"customize", "deploy", "held"}]
    return max(sum(1 for bar in held if bar.start <= at.start < bar.end) for at in held)
