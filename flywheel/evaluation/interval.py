"""A number with its uncertainty; how its bounds are found is in `intervals`."""

from pydantic import BaseModel, Field


class Interval(BaseModel):
    """A number with its uncertainty."""

    value: float
    low: float
    high: float
    confidence: float = Field(description="e.g. 0.95")
    method: str = Field(description="How the bounds were found")
