"""The section of the language model that answers questions and writes summaries."""

from decimal import Decimal
from typing import Self

from pydantic import Field, field_validator, model_validator

from flywheel.settings.endpoints import plain_address
from flywheel.settings.section import Section


class InsightsConfig(Section):
    """Who answers in words, and how much of it there is a day."""

    base_url: str | None = Field(
        None, description="Of an API that speaks OpenAI's chat completions; null: no language model"
    )
    model: str | None = Field(None, min_length=1, description="As the endpoint names it")
    timeout_seconds: float = Field(20.0, gt=0, description="Deadline of a whole answer")
    max_output_tokens: int = Field(1024, ge=1, description="Of one reply of the model")
    temperature: float | None = Field(0.0, ge=0, le=2, description="null leaves it to the endpoint")
    max_attempts: int = Field(3, ge=1, description="At one reply, the first included")
    retry_seconds: float = Field(
        0.5, ge=0, description="Before the second attempt; doubled for each further one"
    )
    questions_per_user: int | None = Field(
        100, ge=0, description="Questions to the model, a person and day; null is without end"
    )
    cost_per_day: Decimal | None = Field(
        None, ge=0, description="Of all questions, in the currency of prices; null is without end"
    )

    @field_validator("base_url")
    @classmethod
    def _address(cls, url: str | None) -> str | None:
        return None if url is None else plain_address(url, "FLYWHEEL_INSIGHTS_API_KEY")

    @model_validator(mode="after")
    def _both(self) -> Self:
        if self.base_url is not None and self.model is None:
            raise ValueError("base_url is set, so model has to be")
        return self
