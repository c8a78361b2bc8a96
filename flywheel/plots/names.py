"""Names and sentences from outside, made to fit: cleaned, shortened, broken into lines."""

import unicodedata
from collections.abc import Sequence
from functools import cache

from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontProperties

from flywheel.formatting import count
from flywheel.plots.style import POINTS, TEXT

ELLIPSIS = "…"
_LONGEST = 300
_RESOLUTION = 200
# Control characters and lone surrogates, which no SVG may hold, and what has no meaning.
_UNPRINTABLE = {"Cc", "Cs", "Cn"}
# Marks that turn the writing direction would turn what stands beside the name as well.
_DIRECTIONS = set(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))


def clean(text: str) -> str:
    """One line without characters that a picture cannot hold; '–' where nothing is left."""
    return " ".join("".join(filter(_is_kept, text)).split()) or "–"


def short(text: str, most: int = 40) -> str:
    """A name for a sentence: at most `most` characters, both ends kept."""
    line = clean(text)
    return line if len(line) <= most else _without_middle(line, most - 1)


def counted(n: int, what: str) -> str:
    """'1 class', '20 classes', '1,000 held-out records'."""
    return f"{count(n)} {what if n == 1 else what + ('es' if what.endswith('s') else 's')}"


def listed(items: Sequence[str], most: int) -> str:
    """'a, b, c and 4 more'."""
    rest = len(items) - most
    return ", ".join(items[:most]) + (f" and {count(rest)} more" if rest > 0 else "")


def width(text: str, size: float = TEXT, *, bold: bool = False) -> float:
    """How wide a line of text is set, in points."""
    font = FontProperties(size=size, weight="bold" if bold else "normal")
    measure = _renderer().get_text_width_height_descent
    pixels, _, _ = measure(text, font, ismath=False)  # type: ignore[no-untyped-call] # no stub
    return float(pixels) * POINTS / _RESOLUTION


def fit(text: str, room: float, size: float = TEXT, *, bold: bool = False) -> str:
    """A name cut in its middle to at most `room` points: long names often differ at an end."""
    line = short(text, _LONGEST)
    if width(line, size, bold=bold) <= room:
        return line
    fits, too_many = 1, len(line)
    while too_many - fits > 1:
        kept = (fits + too_many) // 2
        if width(_without_middle(line, kept), size, bold=bold) <= room:
            fits = kept
        else:
            too_many = kept
    return _without_middle(line, fits)


def wrapped(
    text: str, room: float, size: float = TEXT, *, bold: bool = False, lines: int = 3
) -> list[str]:
    """A sentence in lines of at most `room` points; what does not fit into `lines` is cut."""
    words = clean(text).split(" ")
    made = [words[0]]
    for word in words[1:]:
        longer = f"{made[-1]} {word}"
        if width(longer, size, bold=bold) <= room:
            made[-1] = longer
        else:
            made.append(word)
    if len(made) > lines:
        made[lines - 1 :] = [f"{made[lines - 1]}{ELLIPSIS}"]
    return [fit(line, room, size, bold=bold) for line in made]


def _is_kept(c: str) -> bool:
    if c.isspace():  # line breaks are control characters
        return True
    return unicodedata.category(c) not in _UNPRINTABLE and c not in _DIRECTIONS


def _without_middle(line: str, kept: int) -> str:
    ending = kept // 2
    head = line[: kept - ending].rstrip()
    return f"{head}{ELLIPSIS}{line[len(line) - ending :].lstrip()}"


@cache
def _renderer() -> RendererAgg:
    """Measures only; at a high resolution, because widths are rounded to its pixels."""
    return RendererAgg(1, 1, _RESOLUTION)  # type: ignore[no-untyped-call] # no stub
