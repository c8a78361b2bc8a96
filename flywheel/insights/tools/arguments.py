"""The arguments of the tools."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

Run = Annotated[
    str | None,
    Field(description="'r-12', or 'last'; null: the run of the conversation, else the last one"),
]
Model = Annotated[
    str | None, Field(description="A candidate of the run, or a telling part; null: the best one")
]


class Nothing(BaseModel):
    """No arguments."""


class Named(BaseModel):
    words: str = Field(description="What the person said: 'news', 'yesterday', 'the small one'")


class OfRun(BaseModel):
    run: Run = None


class OfModel(OfRun):
    model: Model = None


class OfClass(OfModel):
    label: str | None = Field(None, description="A class; null: the weakest ones")


class TwoModels(OfRun):
    one: str = Field(description="A candidate of the run")
    other: str = Field(description="Another one")


class TwoRuns(BaseModel):
    older: str
    newer: str


class Volume(OfModel):
    requests: int = Field(ge=1, le=10**12, description="As many as the person named")
    period: Literal["day", "week", "month", "year"] | None = None


class OfWorkload(BaseModel):
    workload: str


class PerhapsOfWorkload(BaseModel):
    workload: str | None = Field(None, description="null: all")


class Calculation(BaseModel):
    operation: Literal["difference", "sum", "ratio"]
    values: list[str] = Field(
        min_length=2, max_length=20, description="Ids of values that tools have returned"
    )


class Choices(BaseModel):
    choices: list[Annotated[str, Field(min_length=3, max_length=150)]] = Field(
        min_length=2, max_length=4, description="Whole questions, each with one meaning"
    )
