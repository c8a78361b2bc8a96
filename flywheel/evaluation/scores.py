"""The scores of one model on one evaluation set."""

from decimal import Decimal

from pydantic import BaseModel, Field, computed_field

from flywheel.evaluation.headline import METRICS_OF, SHORT, Beside, Headline, Metric
from flywheel.evaluation.interval import Interval
from flywheel.evaluation.judge import JudgeScores, similarity_share
from flywheel.evaluation.tool_scores import ToolCallScores

__all__ = ["ClassScore", "Confusion", "Interval", "Scores"]


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
    """Everything measured in one evaluation. What an older run did not measure is None.

    The classes of a tool-calling record are the tools that it calls: there macro-F1, the class
    table and the confusion matrix are of the choice of functions. Free text has none of them.
    """

    workload_type: str = Field("classification", description="Says what the headline is")
    n: int = Field(description="Evaluation records")
    macro_f1: Interval | None = Field(
        description="Unweighted mean F1 over the classes; the headline of classification"
    )
    weighted_f1: Interval | None
    accuracy: Interval | None = Field(
        description="Share of right answers; of tool calls, those with equal names and arguments"
    )
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
    tools: ToolCallScores | None = Field(None, description="Of a tool-calling workload")
    judge: JudgeScores | None = Field(None, description="What a judge said, where one was asked")
    unparseable: int = Field(
        description="Answers without a readable label, with a call that cannot be read, or "
        "without a text where one was due; they count as wrong"
    )
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

    def of(self, metric: Metric) -> Interval | None:
        """One of the scores; None where it was not measured. Similarity is from 1 to 10."""
        match metric:
            case "macro_f1":
                return self.macro_f1
            case "weighted_f1":
                return self.weighted_f1
            case "accuracy":
                return self.accuracy
            case "tool_calls":
                return None if self.tools is None else self.tools.function_name_and_args_accuracy
            case "function_names":
                return None if self.tools is None else self.tools.function_name_accuracy
            case "similarity":
                judge = self.judge
                return None if judge is None or judge.task != "similarity" else judge.mean

    def share(self, metric: Metric) -> Interval | None:
        """The same from 0 to 1, the scale of margins and pictures, on which the teacher has 1."""
        interval = self.of(metric)
        if interval is None or metric != "similarity":
            return interval
        ends = {end: similarity_share(getattr(interval, end)) for end in ("value", "low", "high")}
        return interval.model_copy(update=ends)

    @property
    def metric(self) -> Metric:
        """What its workload is measured by."""
        return METRICS_OF[self.workload_type][0]

    @property
    def headline(self) -> Headline | None:
        """The score; None where the judge that has to give it has not."""
        interval = self.of(self.metric)
        if interval is None:
            return None
        n = self.judge.scored if self.judge is not None and self.metric == "similarity" else self.n
        return Headline(self.metric, interval, n)

    @property
    def rank(self) -> float:
        """The value that models are sorted by, the best one highest."""
        return -1.0 if self.headline is None else self.headline.value

    @property
    def beside(self) -> Beside:
        """What stands next to the headline where there is room for one number more."""
        if self.workload_type == "tool_calling":
            names = self.of("function_names")
            return Beside(SHORT["function_names"], None if names is None else names.value)
        if self.workload_type == "generic":
            judge = self.judge
            return Beside("judged", None if judge is None else judge.scored / judge.n)
        return Beside("accuracy", None if self.accuracy is None else self.accuracy.value)

    @computed_field(description="Share of answers without a readable label, 0 to 1")  # type: ignore[prop-decorator] # mypy issue 14461
    @property
    def unparseable_share(self) -> float:
        """The share of answers without a readable label."""
        return self.unparseable / self.n if self.n else 0.0
