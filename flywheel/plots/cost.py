"""Score against cost per 1,000 requests, with the Pareto front of the candidates."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from flywheel.decisions.pareto import Point, pareto_front
from flywheel.evaluation.scores import Interval
from flywheel.formatting import money
from flywheel.plots.measured import (
    amount,
    chosen,
    currency,
    heading,
    headline,
    intervals,
    metric_name,
    metric_of,
    records,
    scored,
    unscored,
)
from flywheel.plots.names import counted, fit, listed, short
from flywheel.plots.page import MARGIN, ROOM, Drawing, Page
from flywheel.plots.picture import LeftOut
from flywheel.plots.style import BLACK, BLUE, FAINT, INK, RULE, SMALL, TEXT, TINY, VERMILLION, WHITE
from flywheel.views import RunView

MOST = 6  # candidates with a number and a line in the key
_KEY = 190.0  # its width
_ENTRY = 37.0
_AXIS = 42.0
_TICK_LABELS = 40.0
_BODY = 230.0
_DISC = 19.0
_SIZES = {"o": 1.0, "s": 0.85, "D": 0.8}  # so that they look equally large
_FRONT = "none is cheaper and as good, or better and as cheap"


class _Mark(NamedTuple):
    name: str
    cost: Decimal
    score: Interval | None  # the teacher has none: it is right by definition
    symbol: str = ""  # in its disc; candidates without a line in the key have none
    on_front: bool = False
    marker: str = "o"
    color: str = BLUE


def draw_cost(view: RunView) -> Drawing | LeftOut:
    """A disc per candidate that has a price, at its cost (x) and score (y, with its interval).

    Filled discs are on the Pareto front, which the stepped line joins: what lies below and right
    of it is beaten. Teacher and incumbent are drawn beside the candidates where they have a
    price. The costs are on a logarithmic scale where they differ by a factor of 20 or more.
    """
    best = chosen(view)
    if best is None:
        return unscored(view, "cost")
    marks = _candidates(view)
    if not marks:
        return LeftOut(
            "cost",
            f"No candidate of {view.id} has a price, so there is no score against cost; "
            "prices are in the settings (`prices`).",
        )
    others = _others(view)
    metric = metric_name(view)
    interval = headline(best.scores, metric_of(view))
    title = f"{metric[0].upper()}{metric[1:]} against cost per 1,000 requests"
    shown = f"{heading(view)} · {records(best.scores)} · {intervals(interval.confidence)}"
    keyed = [mark for mark in marks if mark.symbol] + others
    body = max(_BODY, _ENTRY * len(keyed)) + _AXIS
    page = Page(title, shown, _notes(view, marks), body)
    right = MARGIN + ROOM - _KEY - 16
    axes = page.axes(MARGIN + _TICK_LABELS, page.bottom + _AXIS, right, page.top - 8)
    _scales(axes, [*marks, *others], currency(view))
    axes.set_ylabel(metric, labelpad=2)
    _draw_front(axes, [mark for mark in marks if mark.on_front])
    for mark in reversed([*marks, *others]):  # the best on top
        _draw_mark(axes, mark)
    _draw_key(page, view, keyed)
    return Drawing(page.figure, title, _alt(view, metric, marks, others))


def _candidates(view: RunView) -> list[_Mark]:
    """Those with a price: the named one, then the front, then the others by rank."""
    metric = metric_of(view)
    named = chosen(view)
    front = _front(view)
    priced = [c for c in scored(view) if c.scores.cost_per_1000 is not None]
    priced.sort(key=lambda c: (named is None or c.name != named.name, c.name not in front))
    return [
        _Mark(
            candidate.name,
            candidate.scores.cost_per_1000 or Decimal(0),
            headline(candidate.scores, metric),
            symbol=str(number) if number <= MOST else "",
            on_front=candidate.name in front,
        )
        for number, candidate in enumerate(priced, start=1)
    ]


def _front(view: RunView) -> list[str]:
    """As the verdict has it; found here for runs that have no verdict, or an older one."""
    if view.recommendation is not None and view.recommendation.pareto:
        return view.recommendation.pareto
    metric = metric_of(view)
    return pareto_front(
        Point(c.name, headline(c.scores, metric).value, c.scores.cost_per_1000)
        for c in scored(view)
    )


def _others(view: RunView) -> list[_Mark]:
    marks = []
    scores = None if view.compared is None else view.compared.scores
    score = None if scores is None else scores.share(metric_of(view))
    if view.compared and scores and score and scores.cost_per_1000 is not None:
        marks.append(
            _Mark(
                view.compared.name, scores.cost_per_1000, score, "I", marker="D", color=VERMILLION
            )
        )
    if view.teacher is not None and view.teacher.cost_per_1000 is not None:
        marks.append(
            _Mark(
                view.teacher.model_name,
                view.teacher.cost_per_1000,
                None,
                "T",
                marker="s",
                color=BLACK,
            )
        )
    return marks


def _scales(axes: Axes, marks: Sequence[_Mark], unit: str) -> None:
    costs = [float(mark.cost) for mark in marks]
    least, most = min(costs), max(costs)
    if least > 0 and most / least >= 20:
        axes.set_xscale("log")
        span = (most / least) ** 0.1
        axes.set_xlim(least / span, most * span)
        axes.xaxis.set_major_locator(LogLocator(numticks=5))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.set_xlim(-0.06 * most, most * 1.12 or 1)
        axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda cost, _: money(Decimal(f"{cost:.6g}"), "").strip())
    )
    axes.set_xlabel(f"{unit} per 1,000 requests".strip())
    bounds = [b for m in marks if m.score for b in (m.score.low, m.score.high)]
    if any(mark.score is None for mark in marks):
        bounds.append(1.0)
    pad = max(0.05 * (max(bounds) - min(bounds)), 0.02)
    axes.set_ylim(min(bounds) - pad, max(bounds) + pad)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.grid(color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(True)


def _draw_front(axes: Axes, front: Sequence[_Mark]) -> None:
    ordered = sorted(front, key=lambda mark: mark.cost)
    costs = [float(mark.cost) for mark in ordered]
    scores = [mark.score.value for mark in ordered if mark.score]
    axes.step(
        [*costs, axes.get_xlim()[1]],
        [*scores, scores[-1]],
        where="post",
        color=BLUE,
        linestyle=(0, (4, 2)),
        linewidth=1.6,
    )


def _draw_mark(axes: Axes, mark: _Mark) -> None:
    x, y = float(mark.cost), 1.0 if mark.score is None else mark.score.value
    if mark.score is not None and mark.symbol:
        axes.plot([x, x], [mark.score.low, mark.score.high], color=mark.color, linewidth=1.8)
    _disc(axes, x, y, mark)


def _disc(axes: Axes, x: float, y: float, mark: _Mark) -> None:
    filled = mark.on_front or mark.marker != "o"
    axes.plot(
        [x],
        [y],
        marker=mark.marker,
        markersize=(_DISC if mark.symbol else 9) * _SIZES[mark.marker],
        markerfacecolor=mark.color if filled else WHITE,
        markeredgecolor=mark.color,
        markeredgewidth=1.8,
        clip_on=False,
    )
    axes.annotate(
        mark.symbol,
        (x, y),
        ha="center",
        va="center_baseline",
        size=SMALL,
        weight="bold",
        color=WHITE if filled else mark.color,
    )


def _draw_key(page: Page, view: RunView, marks: Sequence[_Mark]) -> None:
    canvas = page.canvas()
    left = MARGIN + ROOM - _KEY
    y = page.top - 8 - _ENTRY / 2
    for mark in marks:
        _disc(canvas, left + _DISC / 2, y, mark)
        text = left + _DISC + 9
        name = fit(mark.name, MARGIN + ROOM - text)
        cost = amount(view, mark.cost)
        value = "the reference" if mark.score is None else f"{mark.score.value:.3f}"
        canvas.text(text, y + 1, name, va="bottom", size=TEXT, color=INK)
        numbers = fit(f"{value} · {cost}", MARGIN + ROOM - text, TINY)
        canvas.text(text, y - 1, numbers, va="top", size=TINY, color=FAINT)
        y -= _ENTRY


def _notes(view: RunView, marks: Sequence[_Mark]) -> list[str]:
    notes = [f"Filled, dashed line: the Pareto front; {_FRONT}."]
    if view.recommendation is not None and marks[0].name == view.recommendation.model_name:
        notes.append("1: named by the verdict.")
    if view.teacher is not None:
        if view.teacher.cost_per_1000 is None:
            notes.append("The teacher has no price.")
        else:
            notes.append("T: the teacher, 1 by definition.")
    if view.compared is not None and view.compared.scores is not None:
        if view.compared.scores.cost_per_1000 is None:
            notes.append("The incumbent has no price.")
        else:
            notes.append("I: the incumbent.")
    plain = sum(not mark.symbol for mark in marks)
    if plain:
        notes.append(f"Small discs: {counted(plain, 'more candidate')}.")
    unpriced = [short(c.name) for c in scored(view) if c.scores.cost_per_1000 is None]
    if unpriced:
        notes.append(f"Without a price: {listed(unpriced, 3)}.")
    return [" ".join(notes)]


def _alt(view: RunView, metric: str, marks: Sequence[_Mark], others: Sequence[_Mark]) -> str:
    said = [
        f"{short(mark.name)} {mark.score.value:.3f} at {amount(view, mark.cost)}"
        for mark in marks
        if mark.score is not None
    ]
    beside = ""
    for mark in others:
        who = "the teacher" if mark.score is None else f"the incumbent {mark.score.value:.3f}"
        beside += f"; {who} ({short(mark.name)}) at {amount(view, mark.cost)}"
    front = [short(mark.name) for mark in sorted(marks, key=lambda m: m.cost) if mark.on_front]
    return (
        f"{metric[0].upper()}{metric[1:]} against cost per 1,000 requests in {view.id}: "
        f"{listed(said, MOST)}{beside}. On the Pareto front, {_FRONT}: {listed(front, MOST)}."
    )
