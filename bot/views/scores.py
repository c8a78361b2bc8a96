"""Scores in a table: base and customized side by side, with interval, time and cost."""

from slack_sdk.models.blocks import Block

from bot.views.tables import Number, table
from bot.views.text import NOTHING, plain
from flywheel.evaluation.headline import SHORT
from flywheel.evaluation.scores import Scores
from flywheel.formatting import duration, money
from flywheel.views import CandidateView, RunView

_COLUMNS = ("Model", "Macro-F1", "95 % interval", "Accuracy", "Time", "Per 1,000", "Policy")
_VERDICTS = {"promote": "passes", "keep": "does not pass", "insufficient-data": "too little data"}


def score_table(view: RunView) -> Block:
    """The candidates (best first) and the teacher as a table; as plain text where too big."""
    return table(_rows(view), "scores", f"Scores of the candidates of {view.id}")


def _rows(view: RunView) -> list[tuple[str, ...]]:
    currency = view.recommendation.currency if view.recommendation else "USD"
    verdicts = (
        {v.model_name: v.verdict for v in view.recommendation.candidates}
        if view.recommendation
        else {}
    )
    ranked = sorted(view.nims, key=lambda c: _rank(c, list(verdicts)))
    columns = list(_COLUMNS)
    measured = next((c.customized for c in ranked if c.customized), None)
    if measured is not None:
        columns[1], columns[3] = _heading(SHORT[measured.metric]), _heading(measured.beside.name)
    if measured is not None and measured.headline is not None:
        columns[2] = f"{measured.headline.interval.confidence * 100:g} % interval"
    rows = [tuple(columns)]
    rows += [_candidate_row(c, verdicts.get(c.model_name, ""), currency) for c in ranked]
    if view.compared is not None and view.compared.scores is not None:
        rows.append(_incumbent_row(view.compared.name, view.compared.scores, currency))
    if view.teacher is not None:
        teacher = view.teacher
        rows.append(
            (
                "teacher",
                "reference",
                NOTHING,
                NOTHING,
                NOTHING
                if teacher.seconds is None
                else Number(duration(teacher.seconds), teacher.seconds),
                NOTHING
                if teacher.cost_per_1000 is None
                else Number(money(teacher.cost_per_1000, currency), float(teacher.cost_per_1000)),
                NOTHING,
            )
        )
    return rows


def _rank(candidate: CandidateView, order: list[str]) -> tuple[int, float]:
    name = candidate.model_name
    place = order.index(name) if name in order else len(order)
    return place, -candidate.customized.rank if candidate.customized else 1.0


def _candidate_row(candidate: CandidateView, verdict: str, currency: str) -> tuple[str, ...]:
    name = plain(candidate.model_name, 80)
    base = _value(candidate.base)
    scores = candidate.customized
    if scores is None:
        outcome = "failed" if candidate.error else candidate.status or NOTHING
        return (name, f"{base} → {NOTHING}", NOTHING, NOTHING, NOTHING, NOTHING, outcome)
    cost = scores.cost_per_1000
    return (
        name,
        _sorted(f"{base} → {_value(scores)}", scores),
        *_measured(scores),
        Number(duration(scores.seconds), scores.seconds),
        NOTHING if cost is None else Number(money(cost, currency), float(cost)),
        _VERDICTS.get(verdict, NOTHING),
    )


def _incumbent_row(name: str, scores: Scores, currency: str) -> tuple[str, ...]:
    cost = scores.cost_per_1000
    return (
        plain(name, 80),
        _sorted(_value(scores), scores),
        *_measured(scores),
        Number(duration(scores.seconds), scores.seconds),
        NOTHING if cost is None else Number(money(cost, currency), float(cost)),
        "incumbent",
    )


def _heading(name: str) -> str:
    """With a capital, and the rest as it is: 'Macro-F1'."""
    return name[:1].upper() + name[1:]


def _value(scores: Scores | None) -> str:
    """The headline score."""
    found = None if scores is None else scores.headline
    return NOTHING if found is None else f"{found.value:.3f}"


def _sorted(text: str, scores: Scores) -> str:
    """The text, sorted by the headline score."""
    found = scores.headline
    return text if found is None else Number(text, found.value)


def _measured(scores: Scores) -> tuple[str, str]:
    """The interval of the headline score, and what stands beside it."""
    found, beside = scores.headline, scores.beside.value
    return (
        NOTHING if found is None else f"{found.interval.low:.3f}–{found.interval.high:.3f}",
        NOTHING if beside is None else Number(f"{beside:.3f}", beside),
    )
