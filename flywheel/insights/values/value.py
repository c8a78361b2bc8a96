"""A number as a value: with an id, its digits as code writes them, and where it comes from.

Whoever words an answer refers to a value by its id and writes no digit. Ids read from the left:
run, candidate, measure, as in `r-12/tfidf-svm/macro_f1`.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

_ADDRESS = re.compile(r"!?\[[^\]]*\]\([^)]*\)|\b(?:\w+:)?//\S+|\bwww\.\S+|<[^>]*>", re.IGNORECASE)
_SCORE = re.compile(r"[-+]?\d\.\d{3}\b")
_MARKS = re.compile(r"[*_~`“”\x00-\x1f\x7f]")
_LONGEST_QUOTE = 300  # characters


def quotation(text: str) -> str:
    """Words of somebody else in quotation marks, without any mark-up or address."""
    plain = _ADDRESS.sub("(link)", _MARKS.sub("", " ".join(text.split())))
    cut = plain if len(plain) <= _LONGEST_QUOTE else f"{plain[: _LONGEST_QUOTE - 1]}…"
    return f"“{cut}”"


class Value(BaseModel):
    """One number, or one moment, that code has measured."""

    model_config = ConfigDict(frozen=True)

    id: str
    measure: str = Field(description="What it is of: 'macro-F1'")
    shown: str = Field(description="As it is shown: '0.874 (95 % 0.844–0.904, n 400)'")
    number: Decimal | None = Field(None, description="To reckon with; None of words and moments")
    unit: str = Field("", description="Of the number: '' (a share or count), 's' or a currency")
    quoted: bool = Field(False, description="Words of somebody else, shown as a quotation")
    bounds: tuple[float, float] | None = Field(None, description="Of its interval")
    of: tuple[str, ...] = Field((), description="Names that it belongs to: candidate, class …")
    run: str | None = Field(None, description="The run that measured it, 'r-12'")
    source: str = Field(description="The command that shows it")

    @property
    def is_score(self) -> bool:
        """Whether it says nothing without what it measures."""
        return self.number is not None and not self.unit and bool(_SCORE.match(self.shown))

    @property
    def words(self) -> str:
        """As an answer shows it: what others wrote in quotation marks, without any mark-up."""
        return quotation(self.shown) if self.quoted else self.shown

    def overlaps(self, other: "Value") -> bool:
        """Whether the intervals of both share a point; False where one has none."""
        if self.bounds is None or other.bounds is None:
            return False
        return self.bounds[0] <= other.bounds[1] and other.bounds[0] <= self.bounds[1]

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
        bounds: tuple[float, float] | None = None,
        quoted: bool = False,
    ) -> Value:
        return Value(
            id=value_id,
            measure=measure,
            shown=shown.strip(),
            number=None if number is None else Decimal(str(number)),
            unit=unit,
            bounds=bounds,
            quoted=quoted,
            of=(*self._names, *also),
            run=self._run,
            source=f"flywheel show {self._run}",
        )
