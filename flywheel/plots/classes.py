"""The recall of each class of the chosen candidate, minus that of the reference."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from flywheel.decisions.regression import Change
from flywheel.decisions.verdict import Recommendation
from flywheel.evaluation.scores import ClassScore, Interval, Scores
from flywheel.formatting import count
from flywheel.plots.measured import (
    IN_TITLES,
    TEACHER,
    Scored,
    chosen,
    heading,
    headline,
    intervals,
    metric_of,
    records,
    unscored,
)
from flywheel.plots.names import counted, fit, listed, short, width
from flywheel.plots.page import MARGIN, ROOM, Drawing, Page
from flywheel.plots.picture import LeftOut
from flywheel.plots.style import BLUE, FAINT, GREEN, RULE, SMALL, TINY, VERMILLION, WIDTH
from flywheel.views import RunView

MOST = 20
_NAMES = 210.0  # at most
_NUMBERS = 46.0
_ROW = 20.0
_AXIS = 42.0
_LEGEND = 24.0
_MARKERS: dict[Change, tuple[str, str]] = {
    "worse": ("v", VERMILLION),
    "same": ("o", BLUE),
    "improved": ("^", GREEN),
}
_WORDS: dict[Change, str] = {
    "worse": "worse",
    "same": "no change shown",
    "improved": "better",
}


class _Row(NamedTuple):
    label: str
    n: int
    value: float  # difference of the recalls, -1 to 1
    low: float
    high: float
    change: Change = "same"


class _Comparison(NamedTuple):
    rows: list[_Row]  # lowest difference first
    against: str
    intervals: str  # in words


def draw_classes(view: RunView) -> Drawing | LeftOut:
    """A row per class, the lowest difference first: a dot with its interval, -1 to 1.

    Against the teacher, whose recall is 1 by construction because its answers are the labels, the
    interval is Wilson's (1927) of the candidate's recall. Against an incumbent it is that of the
    paired bootstrap within the class, at a level corrected for the number of classes (see
    `flywheel.decisions.regression`). At most `MOST` classes.
    """
    best = chosen(view)
    if best is None:
        return unscored(view, "classes")
    compared = _compared(view, best)
    if isinstance(compared, LeftOut):
        return compared
    rows = compared.rows[:MOST]
    title = (
        f"Recall by class: {short(best.name, IN_TITLES)} minus {short(compared.against, IN_TITLES)}"
    )
    shown = f"{heading(view)} · {records(best.scores)} · {compared.intervals}"
    has_legend = compared.against != TEACHER
    legend = _LEGEND if has_legend else 0.0
    page = Page(title, shown, _notes(compared, best.scores), legend + _ROW * len(rows) + _AXIS)
    names = [fit(row.label, _NAMES - _n_width(row), SMALL) for row in rows]
    longest = max(width(name, SMALL) + _n_width(row) for name, row in zip(names, rows, strict=True))
    left = MARGIN + longest + 10
    axes = page.axes(left, page.bottom + _AXIS, MARGIN + ROOM - _NUMBERS, page.top - legend)
    _draw_rows(axes, rows)
    _draw_words(axes, rows, names)
    axes.set_xlabel("difference of recall (0 = none)")
    if has_legend:
        _legend(page, rows)
    return Drawing(page.figure, title, _alt(view, best.name, compared))


def _compared(view: RunView, best: Scored) -> _Comparison | LeftOut:
    said = view.recommendation
    if said is not None and said.reference != TEACHER:
        return _to_incumbent(view, said)
    confidence = headline(best.scores, metric_of(view)).confidence
    rows = [
        _Row(row.label, row.support, recall.value - 1, recall.low - 1, recall.high - 1)
        for row in best.scores.per_class
        if row.support
        for recall in [_recall(row, confidence)]
    ]
    if not rows:
        return LeftOut("classes", f"{short(best.name)} has no scores by class.")
    return _Comparison(_sorted(rows), TEACHER, f"{intervals(confidence)} (Wilson)")


def _recall(row: ClassScore, confidence: float) -> Interval:
    if row.recall_interval is not None:
        return row.recall_interval
    from flywheel.evaluation.intervals import wilson  # only for older runs: slow to import

    return wilson(round(row.recall * row.support), row.support, confidence)


def _to_incumbent(view: RunView, said: Recommendation) -> _Comparison | LeftOut:
    """From the paired comparison that was stored with the verdict."""
    reference = said.reference
    for found in said.regressions:
        if found.against == reference and found.paired and found.classes:
            rows = [
                _Row(
                    c.label,
                    c.n_after,
                    c.after - c.before,
                    max(c.low, -1.0),  # with few records the bootstrap goes beyond
                    min(c.high, 1.0),
                    c.change,
                )
                for c in found.classes
            ]
            return _Comparison(_sorted(rows), reference, _paired(said, len(rows)))
    return LeftOut("classes", f"{view.id} was not compared with {short(reference)} by class.")


def _paired(said: Recommendation, classes: int) -> str:
    level = next((intervals(v.difference.confidence) for v in said.candidates if v.difference), "")
    corrected = f", corrected for {counted(classes, 'class')}" if classes > 1 else ""
    return f"paired {level or 'intervals'}{corrected}"


def _sorted(rows: Sequence[_Row]) -> list[_Row]:
    return sorted(rows, key=lambda row: (row.value, -row.n, row.label))


def _draw_rows(axes: Axes, rows: Sequence[_Row]) -> None:
    axes.set(ylim=(len(rows), 0), yticks=[])
    low, high = min(row.low for row in rows), max(row.high for row in rows)
    pad = 0.04 * max(high - low, 0.1)
    axes.set_xlim(min(low, 0) - pad, max(high, 0) + pad)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _signed(value)))
    axes.grid(axis="x", color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.axvline(0, color=FAINT, linewidth=1.4)
    for number, row in enumerate(rows):
        y = number + 0.5
        marker, color = _MARKERS[row.change]
        axes.plot([row.low, row.high], [y, y], color=color, linewidth=2.2)
        axes.plot([row.value], [y], marker=marker, markersize=8, color=color, clip_on=False)


def _draw_words(axes: Axes, rows: Sequence[_Row], names: Sequence[str]) -> None:
    words = axes.get_yaxis_transform()  # x as a share of the width, y as the row
    unit = axes.get_position().width * WIDTH  # points
    for number, (row, name) in enumerate(zip(rows, names, strict=True)):
        y = number + 0.5
        label = -10 / unit
        axes.text(
            label,
            y,
            _n(row),
            transform=words,
            ha="right",
            va="center_baseline",
            size=TINY,
            color=FAINT,
        )
        label -= _n_width(row) / unit
        axes.text(label, y, name, transform=words, ha="right", va="center_baseline", size=SMALL)
        edge = 1 + _NUMBERS / unit
        axes.text(
            edge,
            y,
            _signed(row.value),
            transform=words,
            ha="right",
            va="center_baseline",
            size=SMALL,
        )


def _n(row: _Row) -> str:
    return f"· {count(row.n)}"


def _n_width(row: _Row) -> float:
    """With the space before it, which SVG would drop at the beginning of a text."""
    return 4 + width(_n(row), TINY)


def _signed(value: float) -> str:
    """'-0.08'; plain 0 where nothing differs."""
    return "0" if abs(value) < 0.0005 else f"{value:+.2f}"


def _legend(page: Page, rows: Sequence[_Row]) -> None:
    handles = [
        Line2D(
            [], [], marker=marker, color=color, markersize=8, linewidth=2.2, label=_WORDS[change]
        )
        for change, (marker, color) in _MARKERS.items()
        if any(row.change == change for row in rows)
    ]
    page.legend(handles)


def _notes(compared: _Comparison, scores: Scores) -> list[str]:
    notes = ["After a name: its records."]
    if compared.against == TEACHER:
        notes.append("The teacher's recall is 1 by construction: its answers are the labels.")
    if (rest := len(compared.rows) - MOST) > 0:
        highest = compared.rows[MOST].value
        notes.append(
            f"Not shown: {counted(rest, 'class')} with differences from {_signed(highest)} on."
        )
    if scores.absent_classes:
        absent = listed([short(label) for label in scores.absent_classes], 3)
        notes.append(f"Without an evaluation record: {absent}.")
    return [" ".join(notes)]


def _alt(view: RunView, name: str, compared: _Comparison) -> str:
    said = [
        f"{short(row.label)} {_signed(row.value)} ({row.low:+.2f} to {row.high:+.2f}, "
        f"n {count(row.n)})"
        for row in compared.rows[:3]
    ]
    last = compared.rows[-1]
    text = (
        f"Recall of {short(name)} by class in {view.id}, minus that of {short(compared.against)}; "
        f"{compared.intervals}. Lowest of {count(len(compared.rows))}: {', '.join(said)}"
    )
    if len(compared.rows) > 3:
        text += f"; highest: {short(last.label)} {_signed(last.value)} (n {count(last.n)})"
    return f"{text}."
