"""How much may be asked of a language model in a day."""

from decimal import Decimal

from pydantic import BaseModel, Field


class Limits(BaseModel, frozen=True):
    """For a day, by UTC; None does not limit."""

    questions_per_user: int | None = Field(None, ge=0)
    cost_per_day: Decimal | None = Field(None, ge=0, description="Of all people together")


class Used(BaseModel, frozen=True):
    """What was asked of it today."""

    questions: int = Field(description="By this person")
    cost: Decimal = Field(description="Of all people together")


def over_budget(limits: Limits, used: Used) -> str | None:
    """Why the next question goes to no language model, in one sentence; None where it may."""
    most = limits.questions_per_user
    if most is not None and used.questions >= most:
        return (
            f"The language model is left out until 00:00 UTC: {used.questions} of your questions "
            f"have gone to it today, and {most} may."
        )
    if limits.cost_per_day is not None and used.cost >= limits.cost_per_day:
        return "The language model is left out until 00:00 UTC: the day's budget for it is spent."
    return None
