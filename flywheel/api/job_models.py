"""A run as NVIDIA's Data Flywheel Blueprint describes a job; our own fields stand beside it.

Narrower than our views where the blueprint promises a value: what has not started is not listed.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from flywheel.api.common import Text
from flywheel.settings import DataSplitConfig
from flywheel.views import (
    CandidateView,
    CustomizationView,
    DatasetView,
    EvaluationView,
    RunView,
)

JobStatus = Literal["pending", "running", "completed", "failed", "cancelled"]
NimStatus = Literal["pending", "deploying-nim", "running-evals", "cancelled", "completed", "failed"]
DeploymentStatus = Literal[
    "created", "pending", "running", "cancelled", "failed", "completed", "ready", "unknown"
]

# Written +00:00 and not Z, which datetime.fromisoformat reads only since Python 3.11.
Moment = Annotated[
    datetime,
    PlainSerializer(datetime.isoformat, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Percent = Annotated[float, Field(ge=0, le=100)]


class JobRequest(BaseModel):
    """A job to be started."""

    workload_id: Text
    client_id: Text
    data_split_config: DataSplitConfig | None = Field(
        None, description="Only what is to differ from the configured values"
    )

    def settings(self) -> dict[str, str]:
        """What it sets, as settings of a run: a key that is not there keeps its value."""
        if self.data_split_config is None:
            return {}
        given = self.data_split_config.model_dump(exclude_unset=True)
        return {
            f"data_split_config.{key}": "null" if value is None else str(value)
            for key, value in given.items()
        }


class JobResponse(BaseModel):
    """A job that was started."""

    id: str = Field(description="Names it in every other request")
    status: Literal["queued"] = "queued"
    message: str


class JobDone(BaseModel):
    """What becomes of a job that was cancelled or deleted."""

    id: str
    message: str


class JobListItem(BaseModel):
    """A job in the list."""

    id: str
    workload_id: str
    client_id: str | None
    status: JobStatus
    started_at: Moment
    finished_at: Moment | None
    datasets: list[DatasetView]
    error: str | None


class JobList(BaseModel):
    """Jobs, the oldest first."""

    jobs: list[JobListItem]


class LlmJudge(BaseModel):
    """The model that judged answers."""

    model_config = ConfigDict(extra="allow")  # what our view says of it beyond the blueprint

    model_name: str
    type: str = "remote"
    deployment_status: DeploymentStatus = "ready"
    error: str | None = None


class JobEvaluation(EvaluationView):
    """An evaluation that has started."""

    started_at: Moment
    finished_at: Moment | None
    progress: Percent


class JobCustomization(CustomizationView):
    """A fine-tuning that has started."""

    started_at: Moment
    finished_at: Moment | None
    progress: Percent
    epochs_completed: int = Field(0, ge=0, description="0 where the platform counts none")
    steps_completed: int = Field(0, ge=0, description="0 where the platform counts none")
    nmp_uri: str | None = None


class Nim(CandidateView):
    """A candidate."""

    status: NimStatus
    deployment_status: DeploymentStatus
    evaluations: list[JobEvaluation]  # type: ignore[assignment]
    customizations: list[JobCustomization]  # type: ignore[assignment]


class Job(RunView):
    """A run in full."""

    client_id: str = Field(description="Empty where the run reads all clients")
    status: JobStatus
    started_at: Moment
    finished_at: Moment | None
    num_records: int = Field(ge=0)
    llm_judge: LlmJudge | None  # type: ignore[assignment]
    nims: list[Nim]  # type: ignore[assignment]


def list_item(view: RunView) -> JobListItem:
    """The run as the list shows it."""
    return JobListItem.model_validate({**dict(view), **_common(view)})


def job(view: RunView) -> Job:
    """The run with all that there is."""
    return Job.model_validate(
        {
            **dict(view),
            **_common(view),
            "client_id": view.client_id or "",
            "num_records": view.num_records or 0,
            "nims": [_nim(candidate) for candidate in view.nims],
        }
    )


def _common(view: RunView) -> dict[str, object]:
    """A job that is being cancelled still runs; it counts as started when it was asked for."""
    return {
        "status": "running" if view.status == "cancelling" else view.status,
        "started_at": view.started_at or view.created_at,
    }


def _nim(view: CandidateView) -> Nim:
    return Nim.model_validate(
        {
            **dict(view),
            "deployment_status": view.deployment_status or _deployment(view.status),
            "evaluations": [_evaluation(e) for e in view.evaluations if e.started_at is not None],
            "customizations": [dict(c) for c in view.customizations if c.started_at is not None],
        }
    )


def _evaluation(view: EvaluationView) -> dict[str, object]:
    """With the one score that the blueprint calls by another name."""
    scores = dict(view.scores)
    if "function_name_accuracy" in scores:
        scores["function_name"] = scores["function_name_accuracy"]
    return {**dict(view), "scores": scores}


def _deployment(status: str) -> str:
    """Where nothing has to be deployed, it goes with the candidate."""
    return "ready" if status == "running-evals" else status
