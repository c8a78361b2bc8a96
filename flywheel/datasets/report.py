"""What became of the records on the way to a dataset: numbers that a run keeps and shows."""

from pydantic import BaseModel, Field


class ClassCounts(BaseModel):
    """Records of one class."""

    usable: int
    eval: int
    train: int
    val: int


class TeacherUsage(BaseModel):
    """What the log says of the teacher, over the valid records that say it."""

    model_name: str = Field(description="The most frequent `response.model` (or request model)")
    input_tokens: float | None = Field(None, description="Mean per request")
    output_tokens: float | None = Field(None, description="Mean per request")
    seconds: float | None = Field(None, description="Mean per request")


class DatasetReport(BaseModel):
    """The numbers at every step of dataset building."""

    workload_type: str = Field(description="classification, tool_calling or generic")
    read: int
    invalid: int = Field(description="Not a chat completion with an answer")
    invalid_reasons: dict[str, int] = Field(default_factory=dict)
    wrong_type: int = Field(description="Do not fit the workload type")
    unlabeled: int = Field(description="Without a readable label; dropped, never trained on")
    duplicates: int = Field(description="Same text, letter by letter")
    near_duplicates: int = Field(
        description="Same text but for case, white space, links and punctuation"
    )
    conflicting: int = Field(description="Of both kinds of duplicate, those with another label")
    usable: int
    eval: int
    train: int
    val: int
    classes: dict[str, ClassCounts] = Field(description="By class, most frequent first")
    known: int = Field(
        0, description="Of the usable, those that the incumbent was trained on; never held out"
    )
    notes: list[str] = Field(default_factory=list, description="Fallbacks taken, one sentence each")
    seed: int
    teacher: TeacherUsage
