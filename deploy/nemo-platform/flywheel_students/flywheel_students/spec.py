"""What a request to `…/students/jobs` says."""

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StudentModel(_Part):
    """Which student."""

    name: str = Field(description="As flywheel names it, e.g. 'tfidf-svm'")


class StudentDataset(_Part):
    """What it learns from."""

    path: str = Field(
        pattern=r"^[^/#]+/[^/#]+#.+$",
        description="workspace/fileset#file: lines with `messages`, the last one the answer",
    )
    labels: list[str] = Field(min_length=1, description="The classes that the answers name")


class StudentTraining(_Part):
    """How it learns."""

    seed: int = 0


class StudentOutput(_Part):
    """Where the trained model goes."""

    name: str = Field(description="Of the fileset, in the job's workspace")


class StudentSpec(_Part):
    """Train one student."""

    model: StudentModel
    dataset: StudentDataset
    training: StudentTraining = StudentTraining()
    output: StudentOutput
