"""Sections about hyper-parameters: what a sweep tries, and those of students."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from flywheel.settings.section import Section

Value = int | float | str | bool


class SweepRange(Section):
    """Values between two bounds, drawn evenly on a logarithmic or a linear scale."""

    low: float
    high: float
    scale: Literal["log", "linear"] = "log"

    @model_validator(mode="after")
    def _possible(self) -> "SweepRange":
        if self.low >= self.high:
            raise ValueError("low has to be below high")
        if self.scale == "log" and self.low <= 0:
            raise ValueError("a logarithmic scale begins above 0; use scale: linear")
        return self


class SweepConfig(Section):
    """Several trainings of each candidate, compared on the validation set."""

    search: Literal["none", "grid", "random"] = Field(
        "none", description="none trains once, with the values of the run"
    )
    parameters: dict[str, Annotated[list[Value], Field(min_length=1)] | SweepRange] = Field(
        default_factory=dict, description="What to vary: a setting of a run, and its values"
    )
    budget: int = Field(8, ge=2, description="Trainings of one candidate at most")
    early_stopping: bool = Field(True, description="Stop what is hopeless by its validation loss")
    grace_percent: float = Field(
        25.0, ge=0, le=100, description="Of its training that every trial is given"
    )

    @model_validator(mode="after")
    def _something_to_try(self) -> "SweepConfig":
        if self.search == "none":
            return self
        if not self.parameters:
            raise ValueError("a sweep needs parameters to vary")
        ranges = [n for n, values in self.parameters.items() if isinstance(values, SweepRange)]
        if self.search == "grid" and ranges:
            raise ValueError(f"a grid needs a list of values for {ranges[0]}, not a range")
        return self


class StudentConfig(Section):
    """Hyper-parameters of the CPU students; null leaves a student its own."""

    c: float | None = Field(
        None, gt=0, description="tfidf-svm, tfidf-logreg, minilm-logreg: the higher, the closer"
    )
    alpha: float | None = Field(None, gt=0, description="hashing-sgd: strength of regularisation")
    passes: int | None = Field(None, ge=1, description="hashing-sgd: passes over the training set")
