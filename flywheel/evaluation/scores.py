"""The scores of one model on one evaluation set."""

from decimal import Decimal

from pydantic import BaseModel, Field


class Interval(BaseModel):
    """A number with its uncertainty."""

    value: float
    low: float
    high: float
    confidence: float = Field(description="e.g. 0.95")
    method: str = Field(description="How the bounds were found")


class ClassScore(BaseModel):
    """One row of the per-class table."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int = Field(description="Evaluation records with this label")


class Confusion(BaseModel):
    """Counts: `counts[i][j]` records with `labels[i]` were answered `labels[j]`."""

    labels: list[str]
    counts: list[list[int]]


class Scores(BaseModel):
    """Everything measured in one evaluation."""

    n: int = Field(description="Evaluation records")
    macro_f1: Interval = Field(description="Unweighted mean F1 over the classes; the headline")
    weighted_f1: Interval
    accuracy: Interval
    per_class: list[ClassScore]
    confusion: Confusion
    unparseable: int = Field(description="Answers without a readable label; they count as wrong")
    seconds: float = Field(description="Mean time per request")
    input_tokens: float = Field(description="Mean per request")
    output_tokens: float = Field(description="Mean per request")
    cost_per_1000: Decimal | None = Field(
        None, description="Cost of 1,000 requests from the price table; None without a price"
    )
    seed: int = Field(description="Of the bootstrap")
