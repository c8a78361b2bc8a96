"""What a run has measured, as pictures need it."""

from decimal import Decimal
from typing import NamedTuple

from flywheel.evaluation.headline import NAMES, Metric
from flywheel.evaluation.scores import Interval, Scores
from flywheel.formatting import money, percent
from flywheel.plots.names import counted, short
from flywheel.plots.picture import LeftOut, PictureName
from flywheel.views import CandidateView, RunView

TEACHER = "the teacher"


IN_TITLES = 26  # characters of a name


class Scored(NamedTuple):
    """A candidate with its scores after fine-tuning."""

    name: str
    scores: Scores


def metric_of(view: RunView) -> Metric:
    """The score that the run's policy goes by; the workload's own where there is no verdict."""
    for verdict in view.recommendation.candidates if view.recommendation else ():
        if verdict.difference is not None:
            return verdict.difference.metric
    measured = [c.customized for c in view.nims if c.customized is not None]
    return measured[0].metric if measured else "macro_f1"


def headline(scores: Scores, metric: Metric) -> Interval:
    """The score of that name, 0 to 1, of a model that has it."""
    interval = scores.share(metric)
    assert interval is not None  # `scored` leaves the others out
    return interval


def metric_name(view: RunView) -> str:
    """'macro-F1'."""
    return NAMES[metric_of(view)]


def ranked(view: RunView) -> list[CandidateView]:
    """All candidates: in the order of the verdict, then by score, then those without one."""
    said = view.recommendation
    order = {} if said is None else {v.model_name: i for i, v in enumerate(said.candidates)}
    metric = metric_of(view)

    def key(candidate: CandidateView) -> tuple[int, float]:
        found = None if candidate.customized is None else candidate.customized.share(metric)
        value = -1.0 if found is None else found.value
        return order.get(candidate.model_name, len(order)), -value

    return sorted(view.nims, key=key)


def scored(view: RunView) -> list[Scored]:
    """The candidates that have a score, best first."""
    return [
        Scored(candidate.model_name, candidate.customized)
        for candidate in ranked(view)
        if candidate.customized is not None
        and candidate.customized.share(metric_of(view)) is not None
    ]


def chosen(view: RunView) -> Scored | None:
    """The candidate that the verdict names, else the best one."""
    named = view.recommendation.model_name if view.recommendation else None
    candidates = scored(view)
    return next((c for c in candidates if c.name == named), candidates[0] if candidates else None)


def unscored(view: RunView, name: PictureName) -> LeftOut:
    """Why there is no picture of a run in which nothing has been scored."""
    return LeftOut(name, f"No candidate of {view.id} has scores; the run is {view.status}.")


def heading(view: RunView) -> str:
    """'r-12 · news_topics'."""
    return f"{view.id} · {short(view.workload_id, 30)}"


def records(scores: Scores) -> str:
    """'1,000 held-out records'."""
    return counted(scores.n, "held-out record")


def intervals(confidence: float) -> str:
    """'95 % intervals'."""
    return f"{percent(confidence)} intervals"


def amount(view: RunView, cost: Decimal) -> str:
    """'0.25 USD'; without a currency where the run does not say it."""
    return money(cost, currency(view)).strip()


def currency(view: RunView) -> str:
    """Of the run's amounts; empty where there is no verdict yet."""
    return view.recommendation.currency if view.recommendation else ""
