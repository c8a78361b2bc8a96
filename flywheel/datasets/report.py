"""What became of the records on the way to a dataset: numbers that a run keeps and shows."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from flywheel.evaluation.scores import Interval


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


class Conflicts(BaseModel):
    """The same text with different labels: what no model can get right."""

    texts: int = Field(description="With more than one label")
    records: int = Field(description="Of these texts")
    kept: int = Field(description="Texts kept, with the label that more than half of them have")
    dropped: int = Field(description="Records of texts without a majority; none of them is used")
    share: float = Field(description="`records` of all labelled records, 0 to 1")
    listed_in: str | None = Field(None, description="JSON lines: text, labels with counts, kept")


class Repeats(BaseModel):
    """Texts that were asked more than once, and whether the teacher answered alike."""

    texts: int
    alike: int = Field(description="Texts that always had the same label")
    records: int = Field(description="Of these texts")
    majority: int = Field(
        description="Of these records, those with the most frequent label of their text: no model "
        "that answers a text always alike can agree with more of them"
    )
    agreement: Interval | None = Field(
        None, description="`alike` of `texts`; None where no text was asked twice"
    )


class Groups(BaseModel):
    """Texts that nearly repeat each other; a group is on one side of the split."""

    threshold: float = Field(description="Similarity from which on two texts belong together")
    groups: int = Field(description="Of two records or more")
    records: int = Field(description="In these groups")
    largest: int = Field(description="Records of the largest group")
    set_aside: int = Field(
        description="Records that nearly repeat one of the evaluation set; in no set"
    )


class Baseline(BaseModel):
    """A model that always gives the most frequent label of the training set."""

    label: str
    accuracy: float = Field(description="On the evaluation set")
    macro_f1: float = Field(description="On the evaluation set")


class FrozenUse(BaseModel):
    """The frozen evaluation set that a run was evaluated on."""

    digest: str = Field(description="sha256 of the file, hex")
    run_id: str = Field(description="The run that it was drawn by, 'r-3'")
    frozen_at: datetime
    frozen_by: str


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
    conflicts: Conflicts | None = Field(None, description="None in older runs")
    repeats: Repeats | None = Field(None, description="None in older runs")
    groups: Groups | None = Field(None, description="None where nobody looked for them")
    holdout: Literal["stratified", "time"] = "stratified"
    evaluated_since: datetime | None = Field(
        None, description="With the holdout 'time': of the oldest evaluation record"
    )
    frozen: FrozenUse | None = None
    frozen_out: int = Field(
        0, description="Usable records that are in a frozen set, or nearly; never trained on"
    )
    baseline: Baseline | None = Field(None, description="None in older runs")
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
