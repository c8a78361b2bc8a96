"""What the score of a workload is: one number by which its models are shown and ranked."""

from typing import Literal, NamedTuple

from flywheel.evaluation.interval import Interval
from flywheel.formatting import score

Metric = Literal[
    "macro_f1", "weighted_f1", "accuracy", "tool_calls", "function_names", "similarity"
]

# The metrics that a workload's answers have; the first is the headline.
METRICS_OF: dict[str, tuple[Metric, ...]] = {
    "classification": ("macro_f1", "weighted_f1", "accuracy"),
    "tool_calling": ("tool_calls", "function_names"),
    "generic": ("similarity",),
}

NAMES: dict[Metric, str] = {
    "macro_f1": "macro-F1",
    "weighted_f1": "weighted F1",
    "accuracy": "accuracy",
    "tool_calls": "name-and-arguments accuracy",
    "function_names": "function-name accuracy",
    "similarity": "judge similarity",
}

# For the heads of narrow columns.
SHORT: dict[Metric, str] = {
    **NAMES,
    "tool_calls": "exact calls",
    "function_names": "names",
    "similarity": "similarity",
}

# What an answer lacks that counts as unparseable: "3 answers have no readable label".
UNREADABLE: dict[str, str] = {
    "classification": "no readable label",
    "tool_calling": "a call that cannot be read",
    "generic": "no text",
}


class Headline(NamedTuple):
    """A model's score, as all of its skins show it."""

    metric: Metric
    interval: Interval
    n: int  # records that it is of

    @property
    def name(self) -> str:
        """'macro-F1'"""
        return NAMES[self.metric]

    @property
    def value(self) -> float:
        """The score itself."""
        return self.interval.value

    @property
    def brief(self) -> str:
        """'macro-F1 0.874'"""
        return f"{self.name} {self.value:.3f}"

    @property
    def words(self) -> str:
        """'macro-F1 0.874 (95 % 0.842–0.903, n 400)'"""
        return f"{self.name} {score(self.interval, self.n)}"


class Beside(NamedTuple):
    """A second number, for the column next to the headline."""

    name: str
    value: float | None
