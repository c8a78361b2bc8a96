"""What the policy says of the candidates of a run."""

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, Field

from flywheel.decisions.policy import PolicyDocument
from flywheel.decisions.regression import Regression
from flywheel.evaluation.paired import Difference, McNemar

Verdict = Literal["promote", "keep", "insufficient-data"]
ClauseName = Literal["records", "difference", "floor", "latency", "saving", "unparseable", "judged"]


class Clause(BaseModel):
    """One clause of the policy, applied to one candidate."""

    name: ClauseName
    state: Literal["passed", "failed", "undecided"]
    text: str = Field(description="What was asked and what was seen, without a full stop")


class CandidateVerdict(BaseModel):
    """The policy applied to one candidate."""

    model_name: str
    verdict: Verdict
    reason: str = Field(description="One sentence with the numbers that decided")
    clauses: list[Clause] = Field(default_factory=list)
    difference: Difference | None = Field(None, description="To the reference, on the same records")
    p_adjusted: float | None = Field(None, description="Its p-value, Holm over the candidates")
    mcnemar: McNemar | None = Field(None, description="Of the accuracies, where not the teacher's")
    records_needed: int | None = Field(
        None, description="Evaluation records in all that would probably decide"
    )


class Recommendation(BaseModel):
    """The outcome of a run: what the policy says, for people to decide."""

    verdict: Verdict
    model_name: str | None = Field(description="The candidate recommended, or the best one")
    reason: str = Field(description="One sentence")
    saving_per_1000: Decimal | None = Field(
        None, description="Teacher minus candidate, per 1,000 requests; None without both prices"
    )
    saving_share: float | None = Field(None, description="Of the teacher's cost, 0 to 1")
    currency: str = "USD"
    candidates: list[CandidateVerdict] = Field(description="Best first")
    reference: str = Field("the teacher", description="What the candidates were compared with")
    policy: PolicyDocument | None = Field(None, description="In force; None in runs of before")
    regressions: list[Regression] = Field(
        default_factory=list, description="The named model against the incumbent and the run before"
    )
    pareto: list[str] = Field(
        default_factory=list,
        description="Candidates that none beats in both score and cost, cheapest first; "
        "not in runs of before",
    )
