"""The receipt of a verdict: everything that it rests on, for somebody who asks years later."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from flywheel.datasets.report import DatasetReport
from flywheel.decisions.verdict import Recommendation
from flywheel.evaluation.scores import Scores

VERSION: Literal[1] = 1


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FileEntry(_Part):
    """A file that the verdict rests on."""

    role: Literal["train", "val", "eval", "policy"]
    path: str = Field(description="Where it was when the verdict was given")
    sha256: str
    records: int | None = Field(None, description="Lines; None for what holds no records")


class ModelEntry(_Part):
    """A model with its identity and its scores on the evaluation set."""

    name: str
    uri: str | None = Field(None, description="Where its files were")
    digest: str | None = Field(None, description="sha256 of the list of its files' sha256")
    base: Scores | None = Field(None, description="Before fine-tuning")
    scores: Scores | None = Field(None, description="After it")


class Receipt(_Part):
    """What was decided, on what, by which rule, with which tools."""

    version: Literal[1] = Field(VERSION, description="Grows where a check has to read it otherwise")
    run_id: str = Field(description="As people name it, e.g. 'r-12'")
    run_uid: str = Field(description="Its name outside the database; never given twice")
    workload_id: str
    client_id: str | None
    requested_by: str
    created_at: datetime
    started_at: datetime | None
    decided_at: datetime
    seed: int = Field(description="Of the split, of training and of the bootstrap")
    files: list[FileEntry]
    data: DatasetReport
    teacher: str
    incumbent: ModelEntry | None
    candidates: list[ModelEntry]
    recommendation: Recommendation = Field(description="With the policy, letter by letter")
    tools: dict[str, str] = Field(description="Versions of the programs that computed it")
