"""Money for as many requests as somebody asks about: reckoned by code, in Decimal."""

from decimal import Decimal

from flywheel.formatting import count, money
from flywheel.insights.values.value import Value, ValuesOf
from flywheel.views import RunView

_PERIODS = ("day", "week", "month", "year")


def saving_value(view: RunView, candidate: str, requests: int, period: str | None) -> Value | None:
    """What the candidate would save for so many requests; None without both prices."""
    cost = cost_of(view, candidate)
    teacher = view.teacher.cost_per_1000 if view.teacher else None
    if cost is None or teacher is None:
        return None
    per = period if period in _PERIODS else None
    saved = (teacher - cost) * requests / 1000
    return ValuesOf(view.id, (candidate,))(
        f"saving/{view.id}/{candidate}/{requests}{f'/{per}' if per else ''}",
        f"saving for {count(requests)} requests{f' a {per}' if per else ''}",
        money(saved, currency_of(view)),
        saved,
        currency_of(view),
    )


def cost_value(view: RunView, model: str, requests: int, period: str | None) -> Value | None:
    """What so many requests cost; `model` is a candidate or 'teacher'. None without a price."""
    cost = cost_of(view, model)
    if cost is None:
        return None
    per = period if period in _PERIODS else None
    return ValuesOf(view.id, (_called(view, model),))(
        f"cost/{view.id}/{model}/{requests}{f'/{per}' if per else ''}",
        f"cost of {count(requests)} requests{f' a {per}' if per else ''}",
        money(cost * requests / 1000, currency_of(view)),
        cost * requests / 1000,
        currency_of(view),
    )


def cost_of(view: RunView, model: str) -> Decimal | None:
    """Per 1,000 requests; `model` is a candidate or 'teacher'. None without a price."""
    if model == "teacher":
        return view.teacher.cost_per_1000 if view.teacher else None
    found = next((c.customized for c in view.nims if c.model_name == model), None)
    return None if found is None else found.cost_per_1000


def _called(view: RunView, model: str) -> str:
    return view.teacher.model_name if model == "teacher" and view.teacher else model


def currency_of(view: RunView) -> str:
    """The currency of the run's amounts."""
    return view.recommendation.currency if view.recommendation else ""
