"""Numbers as values: what an answer may state, and how code writes it."""

from flywheel.insights.values.elsewhere import log_values, promotion_values
from flywheel.insights.values.money import cost_value, saving_value
from flywheel.insights.values.runs import difference_words, run_values
from flywheel.insights.values.value import Value, Values, ValuesOf, collected, quotation

__all__ = [
    "Value",
    "Values",
    "ValuesOf",
    "collected",
    "cost_value",
    "difference_words",
    "log_values",
    "promotion_values",
    "quotation",
    "run_values",
    "saving_value",
]
