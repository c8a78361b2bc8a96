"""The confusion matrix of the chosen candidate, row by row in percent."""

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from flywheel.evaluation.metrics import OTHER, UNPARSEABLE
from flywheel.evaluation.scores import Confusion
from flywheel.formatting import count, percent
from flywheel.plots.measured import IN_TITLES, chosen, heading, records, unscored
from flywheel.plots.names import counted, fit, listed, short, width
from flywheel.plots.page import MARGIN, ROOM, Drawing, Page
from flywheel.plots.picture import LeftOut
from flywheel.plots.style import FAINT, INK, RULE, SHARES, SMALL, TINY, WHITE, WIDTH
from flywheel.views import RunView

MOST = 20  # classes
_NAMES = 190.0  # at most, of the room for the rows' names
_CELL = 19.0  # its height, at least
_WIDEST, _HIGHEST = 90.0, 60.0
_HEADINGS = 36.0
_ROWS = "class and its records"
REST = "…"
_SIGNS = {OTHER: "?", UNPARSEABLE: "–"}
_MEANINGS = {
    REST: "… a class that is not shown",
    "?": "? a label that is no class here",
    "–": "– no readable label",
}


class _Table(NamedTuple):
    labels: list[str]  # of the rows, and of the first columns
    signs: list[str]  # of the further columns
    counts: NDArray[np.int64]  # [row, column]
    left_out: int  # rows


def draw_confusion(view: RunView) -> Drawing | LeftOut:
    """A row per class, lowest recall first: which share of its records was answered as what.

    The columns are in the order of the rows and carry their numbers; further columns are answers
    that are no class of the rows. Each row adds up to 100 %. At most `MOST` classes.
    """
    best = chosen(view)
    if best is None:
        return unscored(view, "confusion")
    table = _table(best.scores.confusion)
    if not table.labels:
        return LeftOut("confusion", f"The answers of {short(best.name)} were not counted by class.")
    title = f"Confusion matrix of {short(best.name, IN_TITLES)}"
    shown = f"{heading(view)} · {records(best.scores)} · each row in %"
    body = _HEADINGS + _CELL * len(table.labels) + 6
    page = Page(title, shown, _notes(table), body)
    names = [
        f"{fit(label, _NAMES - _n_width(table, row), SMALL)}"
        for row, label in enumerate(table.labels)
    ]
    widths = [width(name, SMALL) + _n_width(table, row) for row, name in enumerate(names)]
    left = MARGIN + max(*widths, width(_ROWS, SMALL)) + 32
    top = page.top - _HEADINGS
    rows, columns = table.counts.shape
    right = min(MARGIN + ROOM, left + _WIDEST * columns)
    axes = page.axes(left, max(page.bottom + 4, top - _HIGHEST * rows), right, top)
    _draw_cells(axes, table)
    _draw_words(axes, table, names)
    return Drawing(page.figure, title, _alt(view, best.name, table))


def _table(confusion: Confusion) -> _Table:
    """The classes with records, lowest recall first; what is not shown is summed up."""
    labels = confusion.labels
    counts = np.array(confusion.counts, dtype=np.int64).reshape(len(labels), len(labels))
    sizes = counts.sum(axis=1)
    classes = [i for i, label in enumerate(labels) if sizes[i] and label not in _SIGNS]
    classes.sort(key=lambda i: (counts[i, i] / sizes[i], -sizes[i]))
    kept, rest = classes[:MOST], classes[MOST:]
    columns = [counts[kept][:, kept]]
    signs = []
    if rest:
        columns.append(counts[np.ix_(kept, rest)].sum(axis=1, keepdims=True))
        signs.append(REST)
    for i, label in enumerate(labels):
        if label in _SIGNS:
            columns.append(counts[kept][:, [i]])
            signs.append(_SIGNS[label])
    return _Table([labels[i] for i in kept], signs, np.hstack(columns), len(rest))


def _draw_cells(axes: Axes, table: _Table) -> None:
    """Colour and number say the same; right answers are framed."""
    rows, columns = table.counts.shape
    sizes = table.counts.sum(axis=1, keepdims=True)
    shares = table.counts / sizes
    axes.pcolormesh(
        np.arange(columns + 1),
        np.arange(rows + 1),
        shares,
        cmap=SHARES,
        vmin=0,
        vmax=1,
        edgecolors=RULE,
        linewidth=0.6,
    )
    axes.set(xlim=(0, columns), ylim=(rows, 0), xticks=[], yticks=[])
    axes.spines["bottom"].set_visible(False)
    cell = _width(axes) / columns
    for row in range(rows):
        for column in range(columns):
            share = float(shares[row, column])
            if share or row == column:
                color = WHITE if share > 0.85 else INK  # whichever has more contrast
                number = _whole_percent(share)
                axes.text(
                    column + 0.5,
                    row + 0.5,
                    number,
                    ha="center",
                    va="center_baseline",
                    size=_fitting(number, cell),
                    color=color,
                )
        axes.add_patch(
            Rectangle((row, row), 1, 1, fill=False, edgecolor=INK, linewidth=1.2, clip_on=False)
        )


def _whole_percent(share: float) -> str:
    """'87'; 0 and 100 only where it is none or all."""
    rounded = f"{share * 100:.0f}"
    if rounded == "0" and share:
        return "<1"
    return ">99" if rounded == "100" and share < 1 else rounded


def _fitting(number: str, cell: float) -> float:
    """The size at which it fits into a cell that is `cell` points wide."""
    return min(SMALL, SMALL * (cell - 2) / width(number, SMALL))


def _width(axes: Axes) -> float:
    """Of the axes, in points."""
    return axes.get_position().width * WIDTH


def _draw_words(axes: Axes, table: _Table, names: list[str]) -> None:
    unit = _width(axes)
    look: dict[str, Any] = {
        "transform": axes.get_yaxis_transform(),  # x as a share of the width, y as the row
        "ha": "right",
        "va": "center_baseline",
    }
    for row, name in enumerate(names):
        y = row + 0.5
        axes.text(-6 / unit, y, str(row + 1), **look, size=SMALL, weight="bold")
        axes.text(-28 / unit, y, _n(table, row), **look, size=TINY, color=FAINT)
        axes.text(-28 / unit - _n_width(table, row) / unit, y, name, **look, size=SMALL)
    headings = [str(row + 1) for row in range(len(names))] + table.signs
    size = min(_fitting(sign, unit / len(headings) - 2) for sign in headings)
    for column, sign in enumerate(headings):
        axes.annotate(
            sign,
            (column + 0.5, 0),
            (0, 4),
            textcoords="offset points",
            ha="center",
            size=size,
            weight="bold",
        )
    axes.annotate(
        "answered as",
        (0, 0),
        (0, 21),
        textcoords="offset points",
        size=SMALL,
        color=FAINT,
    )
    axes.annotate(
        _ROWS,
        (0, 0),
        (-28, 4),
        textcoords="offset points",
        ha="right",
        size=SMALL,
        color=FAINT,
    )


def _n(table: _Table, row: int) -> str:
    return f"· {count(int(table.counts[row].sum()))}"


def _n_width(table: _Table, row: int) -> float:
    """With the space before it, which SVG would drop at the beginning of a text."""
    return 4 + width(_n(table, row), TINY)


def _notes(table: _Table) -> list[str]:
    notes = ["Framed: right answers, the recall of the class. Lowest recall first."]
    notes += [f"{_MEANINGS[sign]}." for sign in table.signs]
    if table.left_out:
        notes.append(f"Not shown: {counted(table.left_out, 'more class')}.")
    return [" ".join(notes)]


def _alt(view: RunView, name: str, table: _Table) -> str:
    sizes = table.counts.sum(axis=1)
    said = []
    for row, label in enumerate(table.labels[:3]):
        right = int(table.counts[row, row])
        text = f"{short(label)} {percent(right / int(sizes[row]))} (n {count(int(sizes[row]))})"
        wrong = table.counts[row].copy()
        wrong[row] = 0
        column = int(wrong.argmax())
        if wrong[column]:
            answer = (
                short(table.labels[column])
                if column < len(table.labels)
                else _MEANINGS[table.signs[column - len(table.labels)]][2:]
            )
            text += f", most often answered as {answer} ({percent(wrong[column] / sizes[row])})"
        said.append(text)
    classes = counted(len(table.labels) + table.left_out, "class")
    return (
        f"Confusion matrix of {short(name)} in {view.id}, {classes}, each row in "
        f"percent. Lowest shares of right answers: {listed(said, 3)}."
    )
