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
    balanced_accuracy: float | None = Field(None, description="Mean recall of the classes")
    per_class: list[ClassScore]
    confusion: Confusion
    unparseable: int = Field(description="Answers without a readable label; they count as wrong")
    seconds: float = Field(description="Mean time per request")
    seconds_p50: float | None = Field(None, description="Median time per request")
    seconds_p95: float | None = Field(None, description="95 % of the requests take no longer")
    seconds_p99: float | None = Field(None, description="99 % of the requests take no longer")
    input_tokens: float = Field(description="Mean per request")
    output_tokens: float = Field(description="Mean per request")
    cost_per_1000: Decimal | None = Field(
        None, description="Cost of 1,000 requests from the price table; None without a price"
    )
    cost_per_1000_correct: Decimal | None = Field(
        None, description="Cost of as many requests as give 1,000 right answers"
    )
    seed: int = Field(description="Of the bootstrap")
