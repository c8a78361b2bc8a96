"""Scores with intervals, per candidate, before and after fine-tuning."""

from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from flywheel.evaluation.scores import Interval
from flywheel.formatting import count, score
from flywheel.plots.measured import (
    TEACHER,
    heading,
    headline,
    intervals,
    metric_name,
    metric_of,
    ranked,
    records,
    scored,
    unscored,
)
from flywheel.plots.names import counted, fit, listed, short, width
from flywheel.plots.page import MARGIN, ROOM, Drawing, Page
from flywheel.plots.picture import LeftOut
from flywheel.plots.style import BLUE, FAINT, ORANGE, RULE, SMALL, TEXT, VERMILLION, WHITE
from flywheel.views import RunView

MOST = 10
_SAID = 5  # in the alt text
_ROW = 48.0
_AXIS = 42.0
_LEGEND = 30.0
_GAP = 14.0
_SPACE = 9.0  # between a name and its remark: SVG drops spaces at the ends of texts
_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_DASHES = (0, (3, 1.6))


class _Row(NamedTuple):
    name: str
    remark: str
    before: Interval | None
    after: Interval | None
    n: int | None
    is_incumbent: bool = False
    is_named: bool = False


def draw_scores(view: RunView) -> Drawing | LeftOut:
    """A row per candidate: the score before (hollow) and after (filled) with its interval.

    The score is the one that the policy goes by, 0 to 1. At most `MOST` candidates, best first,
    then the incumbent. Where the policy compares with the teacher a line shows its limit, above
    which the whole interval of a candidate has to lie.
    """
    best = next(iter(scored(view)), None)
    if best is None:
        return unscored(view, "scores")
    rows = _rows(view)
    metric = metric_name(view)
    title = f"{metric[0].upper()}{metric[1:]} before and after fine-tuning"
    confidence = headline(best.scores, metric_of(view)).confidence
    shown = f"{heading(view)} · {records(best.scores)} · {intervals(confidence)}"
    page = Page(title, shown, _notes(view), _LEGEND + _ROW * len(rows) + _AXIS)
    axes = page.axes(MARGIN, page.bottom + _AXIS, MARGIN + ROOM, page.top - _LEGEND)
    axes.set(xlim=(-0.015, 1.015), ylim=(len(rows), 0), yticks=[])
    axes.set_xticks(_TICKS)
    axes.set_xlabel(f"{metric} (1 = answers as the teacher did)")
    limit = _limit(view)
    pitch = (page.top - _LEGEND - page.bottom - _AXIS) / len(rows)  # points per row
    for number, row in enumerate(rows):
        _draw_row(axes, row, number, pitch, limit)
    _legend(page, rows, limit)
    return Drawing(page.figure, title, _alt(view, metric, rows))


def _rows(view: RunView) -> list[_Row]:
    metric = metric_of(view)
    said = view.recommendation
    verdicts = {} if said is None else {v.model_name: v.verdict for v in said.candidates}
    rows = [
        _Row(
            candidate.model_name,
            verdicts.get(candidate.model_name, "" if candidate.customized else candidate.status),
            None if candidate.base is None else candidate.base.share(metric),
            None if candidate.customized is None else candidate.customized.share(metric),
            None if candidate.customized is None else candidate.customized.n,
            is_named=said is not None and said.model_name == candidate.model_name,
        )
        for candidate in ranked(view)[:MOST]
    ]
    if view.compared is not None and view.compared.scores is not None:
        scores = view.compared.scores
        rows.append(
            _Row(
                view.compared.name,
                "the incumbent",
                None,
                scores.share(metric),
                scores.n,
                is_incumbent=True,
            )
        )
    return rows


def _limit(view: RunView) -> float | None:
    said = view.recommendation
    if said is None or said.reference != TEACHER:
        return None
    margins = [v.difference.margin for v in said.candidates if v.difference is not None]
    return 1 - margins[0] if margins else None


def _draw_row(axes: Axes, row: _Row, number: int, pitch: float, limit: float | None) -> None:
    text_y = number + 0.5 - 12 / pitch
    y = number + 0.5 + 10 / pitch
    top, bottom = y - 11 / pitch, y + 11 / pitch  # lines that cross no words
    axes.vlines(_TICKS, top, bottom, color=RULE, linewidth=0.8, zorder=1)
    if limit is not None:
        axes.vlines([limit], top, bottom, color=VERMILLION, linestyle=_DASHES, linewidth=1.8)
    numbers = _numbers(row)
    words = axes.get_yaxis_transform()  # x as a share of the width, y as the row
    axes.text(1, text_y, numbers, transform=words, ha="right", va="center", size=TEXT)
    room = ROOM - width(numbers) - _GAP
    weight = "bold" if row.is_named else "normal"
    name = fit(row.name, room - _SPACE - width(row.remark, SMALL), bold=row.is_named)
    axes.text(0, text_y, name, transform=words, va="center", size=TEXT, weight=weight)
    axes.text(
        (width(name, bold=row.is_named) + _SPACE) / ROOM,
        text_y,
        row.remark,
        transform=words,
        va="center",
        size=SMALL,
        color=FAINT,
    )
    if row.before is not None and row.after is not None:
        axes.plot([row.before.value, row.after.value], [y, y], color=RULE, linewidth=3, zorder=1.5)
    if row.before is not None:
        _mark(axes, row.before, y, "o", ORANGE, filled=False)
    if row.after is not None:
        _mark(axes, row.after, y, "D" if row.is_incumbent else "o", BLUE, filled=True)


def _mark(
    axes: Axes, interval: Interval, y: float, marker: str, color: str, *, filled: bool
) -> None:
    """A score with the bounds of its interval."""
    for end in (interval.low, interval.high):
        axes.plot([end], [y], marker="|", markersize=11, markeredgewidth=2, color=color)
    axes.plot([interval.low, interval.high], [y, y], color=color, linewidth=2.4)
    axes.plot([interval.value], [y], **_look(marker, color, filled=filled), clip_on=False)


def _look(marker: str, color: str, *, filled: bool) -> dict[str, Any]:
    return {
        "marker": marker,
        "markersize": 9,
        "markeredgewidth": 2.2,
        "markeredgecolor": color,
        "markerfacecolor": color if filled else WHITE,
        "linestyle": "none",
    }


def _numbers(row: _Row) -> str:
    before = "" if row.before is None else f"{row.before.value:.3f} → "
    if row.after is None:
        return f"{before}no score"
    return f"{before}{row.after.value:.3f} ({row.after.low:.3f}–{row.after.high:.3f})"


def _legend(page: Page, rows: list[_Row], limit: float | None) -> None:
    handles = []
    if any(row.before is not None for row in rows):
        handles.append(Line2D([], [], label="before", **_look("o", ORANGE, filled=False)))
    handles.append(Line2D([], [], label="after", **_look("o", BLUE, filled=True)))
    if any(row.is_incumbent for row in rows):
        handles.append(Line2D([], [], label="incumbent", **_look("D", BLUE, filled=True)))
    if limit is not None:
        label = f"the policy's limit, {limit:.3f}"
        handles.append(
            Line2D([], [], label=label, color=VERMILLION, linestyle=_DASHES, linewidth=1.8)
        )
    page.legend(handles)


def _notes(view: RunView) -> list[str]:
    notes = []
    measures = {
        short(e.measures, 80)
        for candidate in view.nims
        for e in candidate.evaluations
        if e.eval_type == "base-eval" and e.measures
    }
    if measures:
        notes.append(f"Before: {listed(sorted(measures), 2)}.")
    if view.recommendation is not None:
        against = short(view.recommendation.reference)
        notes.append(f"After a name: the verdict of the policy, which compares with {against}.")
    rest = len(view.nims) - MOST
    if rest > 0:
        notes.append(f"Left out: {count(rest)} more; `flywheel show {view.id}` lists all.")
    return notes


def _alt(view: RunView, metric: str, rows: list[_Row]) -> str:
    said = [
        f"{short(row.name)} "
        + ("" if row.before is None else f"{row.before.value:.3f} before and ")
        + score(row.after, row.n or 0)
        for row in rows
        if row.after is not None and not row.is_incumbent
    ]
    named = said[:_SAID]
    rest = len(view.nims) - len(named)
    text = (
        f"{metric[0].upper()}{metric[1:]} of {counted(len(view.nims), 'candidate')} of {view.id} "
        f"before and after fine-tuning: {', '.join(named)}"
        + (f", and {count(rest)} more." if rest else ".")
    )
    for row in rows:
        if row.is_incumbent and row.after is not None:
            text += f" The incumbent, {short(row.name)}, has {score(row.after, row.n or 0)}."
    return text
