"""The scores of one model on one evaluation set."""

from decimal import Decimal

from pydantic import BaseModel, Field, computed_field


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
    recall_interval: Interval | None = Field(
        None, description="Of the recall, over the `support` records; None in older runs"
    )


class Confusion(BaseModel):
    """Counts: `counts[i][j]` records with `labels[i]` were answered `labels[j]`."""

    labels: list[str]
    counts: list[list[int]]


class Scores(BaseModel):
    """Everything measured in one evaluation. What an older run did not measure is None."""

    n: int = Field(description="Evaluation records")
    macro_f1: Interval = Field(description="Unweighted mean F1 over the classes; the headline")
    weighted_f1: Interval
    accuracy: Interval
    balanced_accuracy: float | None = Field(
        None, description="Unweighted mean recall of the classes"
    )
    token_f1: float | None = Field(
        None,
        description="Mean word overlap of answer and reference text, NeMo Evaluator's `f1`; "
        "not a class F1, and no substitute for macro_f1",
    )
    per_class: list[ClassScore]
    absent_classes: list[str] = Field(
        default_factory=list,
        description="Classes of the log without an evaluation record: nothing is known of them",
    )
    confusion: Confusion
    unparseable: int = Field(description="Answers without a readable label; they count as wrong")
    seconds: float = Field(description="Mean time per request")
    seconds_p50: float | None = Field(None, description="Median time per request")
    seconds_p95: float | None = Field(None, description="95 % of requests took no longer")
    seconds_p99: float | None = Field(None, description="99 % of requests took no longer")
    input_tokens: float = Field(description="Mean per request")
    output_tokens: float = Field(description="Mean per request")
    cost_per_1000: Decimal | None = Field(
        None, description="Cost of 1,000 requests from the price table; None without a price"
    )
    cost_per_correct: Decimal | None = Field(
        None, description="Cost of one right answer, the wrong ones paid for as well"
    )
    seed: int = Field(description="Of the bootstrap")

    @computed_field(description="Share of answers without a readable label, 0 to 1")  # type: ignore[prop-decorator] # mypy issue 14461
    @property
    def unparseable_share(self) -> float:
        """The share of answers without a readable label."""
        return self.unparseable / self.n if self.n else 0.0
