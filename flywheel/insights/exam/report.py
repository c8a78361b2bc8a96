"""What an examination comes to: rates with their intervals, by category. Pure."""

from collections.abc import Callable, Iterable, Sequence

from pydantic import BaseModel, Field

from flywheel.evaluation.intervals import wilson
from flywheel.insights.exam.marking import Mark, worst

_CONFIDENCE = 0.95


class Rate(BaseModel):
    """So many of so many, with Wilson's interval."""

    right: int
    of: int
    low: float | None = None
    high: float | None = None

    @property
    def words(self) -> str:
        """'0.82 (31 of 38, 0.66–0.91)'; a dash where there is nothing to count."""
        if not self.of:
            return "–"
        interval = f"{self.low:.2f}–{self.high:.2f}"
        return f"{self.right / self.of:.2f} ({self.right} of {self.of}, {interval})"


class CategoryReport(BaseModel):
    """One line of the table."""

    category: str
    exact: Rate
    sources: Rate
    wrong_numbers: int = Field(description="Answers with one at least")


class ExamReport(BaseModel):
    """The whole examination."""

    answerable: Rate = Field(description="Of the questions that have an answer, those exact")
    sources: Rate
    refusal_precision: Rate = Field(description="Of the refusals, those that were right")
    refusal_recall: Rate = Field(description="Of what had to be refused, what was")
    asked_back: Rate
    wrong_numbers: int = Field(description="Answers with one at least")
    by_model: Rate = Field(description="Answers that a language model has worded")
    exact_by_model: Rate = Field(description="Of those with an answer, the exact ones")
    slowest_seconds: float
    p95_seconds: float
    categories: list[CategoryReport]
    worst: list[Mark]


class Examination(BaseModel):
    """Both papers."""

    fitted: ExamReport = Field(description="On the questions that the reader was fitted to")
    held_out: ExamReport = Field(description="On questions that it was never fitted to")


def report_of(marks: Sequence[Mark], seconds: Sequence[float]) -> ExamReport:
    """The report on these answers, and on how long they took."""
    ordered = sorted(seconds)
    refused, due = [m for m in marks if m.refused], [m for m in marks if m.should_refuse]
    return ExamReport(
        answerable=_rate([m for m in marks if m.answerable], lambda m: m.exact),
        sources=_sources(marks),
        refusal_precision=_rate(refused, lambda m: m.should_refuse),
        refusal_recall=_rate(due, lambda m: m.refused),
        asked_back=_rate([m for m in marks if m.should_ask_back], lambda m: m.asked_back),
        wrong_numbers=_wrong(marks),
        by_model=_rate(marks, lambda m: m.by == "model"),
        exact_by_model=_rate(
            [m for m in marks if m.answerable and m.by == "model"], lambda m: m.exact
        ),
        slowest_seconds=ordered[-1],
        p95_seconds=ordered[round(0.95 * (len(ordered) - 1))],
        categories=[
            CategoryReport(
                category=category,
                exact=_rate(of_it, lambda m: m.exact),
                sources=_sources(of_it),
                wrong_numbers=_wrong(of_it),
            )
            for category in dict.fromkeys(m.category for m in marks)
            if (of_it := [m for m in marks if m.category == category])
        ],
        worst=worst(marks),
    )


def _sources(marks: Iterable[Mark]) -> Rate:
    return _rate([m for m in marks if m.sources_right is not None], lambda m: bool(m.sources_right))


def _wrong(marks: Iterable[Mark]) -> int:
    return sum(bool(m.wrong_numbers) for m in marks)


def _rate(marks: Sequence[Mark], right: Callable[[Mark], bool]) -> Rate:
    number = sum(map(right, marks))
    if not marks:
        return Rate(right=0, of=0)
    found = wilson(number, len(marks), _CONFIDENCE)
    return Rate(right=number, of=len(marks), low=found.low, high=found.high)
