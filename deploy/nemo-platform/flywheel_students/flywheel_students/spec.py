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
    validation_path: str | None = Field(
        None,
        pattern=r"^[^/#]+/[^/#]+#.+$",
        description="What it is measured on after every pass, and at its end; the same format",
    )
    labels: list[str] = Field(min_length=1, description="The classes that the answers name")


class StudentTraining(_Part):
    """How it learns; what is None is the student's own."""

    seed: int = 0
    c: float | None = Field(None, gt=0)
    alpha: float | None = Field(None, gt=0)
    passes: int | None = Field(None, ge=1)


class StudentOutput(_Part):
    """Where the trained model goes."""

    name: str = Field(description="Of the fileset, in the job's workspace")


class StudentSpec(_Part):
    """Train one student."""

    model: StudentModel
    dataset: StudentDataset
    training: StudentTraining = StudentTraining()
    output: StudentOutput
