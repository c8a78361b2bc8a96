"""Runs with scores by class, as small or as large as a test wants them."""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from xml.etree import ElementTree

from flywheel.decisions.regression import Change, ClassShift, Regression, Shift
from flywheel.evaluation.paired import Difference, Metric
from flywheel.evaluation.scores import ClassScore, Confusion, Scores
from flywheel.plots.export import svg
from flywheel.plots.page import Drawing
from flywheel.plots.picture import LeftOut, Picture
from flywheel.plots.style import drawing
from flywheel.views import CandidateView, IncumbentView, RunView
from tests.bot.strategies import candidate, interval, run_view, scores_of

NASTY = [
    "x" * 300,
    "W" * 300,
    "word " * 60,
    "$x_1$ and $\\frac{1}{2}$",
    "100% of a_b_c ^ {d} \\alpha # ~",
    "🚀👩‍💻 emoji",
    "שלום עולם",
    "مرحبا بالعالم",
    "中文標籤",
    "a\u202eb\u0000c\nd\te",
    "<script>&amp;\"'</script>",
    "[red]IPO[/] *bold* _it_",
    "\ud800",
    " ",
]

INCUMBENT = "old-svm (r-3)"


def scores(
    value: float = 0.9,
    labels: Sequence[str] = ("Earnings", "Dividend", "Merger"),
    right: Sequence[int] = (95, 50, 30),
    sizes: Sequence[int] = (100, 100, 60),
    cost: Decimal | None = Decimal("0.004"),
    more: Sequence[str] = (),
) -> Scores:
    """Of a model that takes records of a class for the next class, the last one for the first.

    `more` are columns of the confusion matrix that are no class; each takes one of the mistakes.
    """
    n = len(labels)
    counts = [[0] * (n + len(more)) for _ in range(n + len(more))]
    for i in range(n):
        counts[i][i] = right[i]
        wrong = sizes[i] - right[i]
        for j in range(len(more)):
            taken = min(1, wrong)
            counts[i][n + j] = taken
            wrong -= taken
        counts[i][(i + 1) % n] += wrong
    rows = [
        ClassScore(
            label=label,
            precision=0.5,
            recall=right[i] / sizes[i],
            f1=0.5,
            support=sizes[i],
            recall_interval=interval(right[i] / sizes[i]),
        )
        for i, label in enumerate(labels)
    ]
    confusion = Confusion(labels=[*labels, *more], counts=counts)
    return scores_of(value, cost).model_copy(update={"per_class": rows, "confusion": confusion})


def scored(
    name: str, value: float = 0.9, of: Scores | None = None, cost: str | None = "0.004"
) -> CandidateView:
    """A candidate with these scores."""
    price = None if cost is None else Decimal(cost)
    return candidate(name).model_copy(
        update={"base": scores_of(value / 3), "customized": of or scores(value, cost=price)}
    )


def against_incumbent(*shifts: tuple[str, float, Change], reference: str = INCUMBENT) -> RunView:
    """A run whose policy compares with the incumbent; `shifts` are label, difference, change."""
    classes = [
        ClassShift(
            label=label,
            n_before=20,
            n_after=20,
            before=0.5,
            after=0.5 + change,
            low=change - 0.1,
            high=change + 0.1,
            change=word,
        )
        for label, change, word in shifts
    ]
    whole = Shift(before=0.8, after=0.9, low=0.05, high=0.15, change="improved")
    view = run_view(candidates=(scored("new"),))
    said = view.recommendation
    assert said is not None
    regressions = [
        Regression(against=reference, paired=paired, method="test", score=whole, classes=classes)
        for paired in (False, True)
    ]
    verdicts = [said.candidates[0].model_copy(update={"difference": _difference("macro_f1", 0.02)})]
    return view.model_copy(
        update={
            "recommendation": said.model_copy(
                update={
                    "reference": reference,
                    "regressions": regressions,
                    "candidates": verdicts,
                }
            ),
            "compared": IncumbentView(name=reference, scores=scores_of(0.8)),
        }
    )


def with_difference(view: RunView, metric: Metric, margin: float) -> RunView:
    """The run with a verdict that goes by this score, against the teacher."""
    said = view.recommendation
    assert said is not None
    verdicts = [
        v.model_copy(update={"difference": _difference(metric, margin)}) for v in said.candidates
    ]
    return view.model_copy(
        update={"recommendation": said.model_copy(update={"candidates": verdicts})}
    )


def _difference(metric: Metric, margin: float) -> Difference:
    return Difference(
        metric=metric,
        value=0.1,
        low=0.05,
        high=0.15,
        confidence=0.95,
        margin=margin,
        p_value=0.001,
        n=400,
        method="test",
    )


def picture(draw_one: Callable[[RunView], Drawing | LeftOut], view: RunView) -> Picture:
    """One picture of the run, which has the data for it, without its pixels."""
    with drawing():
        found = draw_one(view)
        assert isinstance(found, Drawing), found
        return Picture("scores", found.title, found.alt, b"", svg(found))


def texts(picture: Picture) -> list[str]:
    """What stands in the SVG, piece by piece."""
    root = ElementTree.fromstring(picture.svg)  # we have just written it
    return [
        "".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")
    ]


def size(picture: Picture) -> tuple[float, float, float, float]:
    """Width and height of the PNG in pixels, of the SVG in points."""
    assert picture.png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = (int.from_bytes(picture.png[i : i + 4], "big") for i in (16, 20))
    root = ElementTree.fromstring(picture.svg)  # we have just written it
    points = [float(re.fullmatch(r"([\d.]+)pt", root.get(a, ""))[1]) for a in ("width", "height")]  # type: ignore[index]
    return width, height, points[0], points[1]
