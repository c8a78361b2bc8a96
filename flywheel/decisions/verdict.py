"""What the decision rule says of the candidates of a run."""

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, Field

Verdict = Literal["promote", "keep", "insufficient-data"]


class CandidateVerdict(BaseModel):
    """The rule applied to one candidate."""

    model_name: str
    verdict: Verdict
    reason: str = Field(description="One sentence with the numbers that decided")


class Recommendation(BaseModel):
    """The outcome of a run: what the rule says, for people to decide."""

    verdict: Verdict
    model_name: str | None = Field(description="The candidate recommended, or the best one")
    reason: str = Field(description="One sentence")
    saving_per_1000: Decimal | None = Field(
        None, description="Teacher minus candidate, per 1,000 requests; None without both prices"
    )
    saving_share: float | None = Field(None, description="Of the teacher's cost, 0 to 1")
    currency: str = "USD"
    candidates: list[CandidateVerdict] = Field(description="Best first")
