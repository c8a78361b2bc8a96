"""A number as a value: with an id, its digits as code writes them, and where it comes from.

Whoever words an answer refers to a value by its id and writes no digit. Ids read from the left:
run, candidate, measure, as in `r-12/tfidf-svm/macro_f1`.
"""

from collections.abc import Iterator
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field


class Value(BaseModel):
    """One number, or one moment, that code has measured."""

    model_config = ConfigDict(frozen=True)

    id: str
    measure: str = Field(description="What it is of: 'macro-F1'")
    shown: str = Field(description="As it is shown: '0.874 (95 % 0.844–0.904, n 400)'")
    number: Decimal | None = Field(None, description="To reckon with; None of words and moments")
    unit: str = Field("", description="Of the number: '' (a share or count), 's' or a currency")
    of: tuple[str, ...] = Field((), description="Names that it belongs to: candidate, class …")
    run: str | None = Field(None, description="The run that measured it, 'r-12'")
    source: str = Field(description="The command that shows it")

    @property
    def is_score(self) -> bool:
        """Whether it says nothing without what it measures."""
        return self.number is not None and not self.unit and "0." in self.shown[:3]

    @property
    def described(self) -> str:
        """'macro-F1 of tfidf-svm in r-12'"""
        whose = f" of {', '.join(self.of)}" if self.of else ""
        return f"{self.measure}{whose}{f' in {self.run}' if self.run else ''}"


Values = dict[str, Value]


def collected(values: Iterator[Value]) -> Values:
    """The values by their ids."""
    return {value.id: value for value in values}


class ValuesOf:
    """Makes values of a run that belong to the same names."""

    def __init__(self, run: str, names: tuple[str, ...] = ()) -> None:
        self._run, self._names = run, names

    def __call__(
        self,
        value_id: str,
        measure: str,
        shown: str,
        number: Decimal | float | None = None,
        unit: str = "",
        also: tuple[str, ...] = (),
    ) -> Value:
        return Value(
            id=value_id,
            measure=measure,
            shown=shown.strip(),
            number=None if number is None else Decimal(str(number)),
            unit=unit,
            of=(*self._names, *also),
            run=self._run,
            source=f"flywheel show {self._run}",
        )
