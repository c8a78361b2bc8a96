"""What NeMo Platform answers, as far as it is read. Unknown keys are ignored."""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

import orjson
from pydantic import BaseModel, Field

from flywheel.ports.platform import JobState, ValidationPoint

PlatformJobState = Literal[
    "created",
    "pending",
    "active",
    "pausing",
    "paused",
    "resuming",
    "cancelling",
    "cancelled",
    "error",
    "completed",
]
STATES: dict[PlatformJobState, JobState] = {
    "created": "running",
    "pending": "running",
    "active": "running",
    "pausing": "running",
    "paused": "running",  # somebody may resume it
    "resuming": "running",
    "cancelling": "running",
    "cancelled": "cancelled",
    "error": "failed",
    "completed": "completed",
}
ServingState = Literal[
    "UNKNOWN", "CREATED", "PENDING", "READY", "ERROR", "DELETING", "DELETED", "LOST"
]
GONE: frozenset[ServingState] = frozenset({"ERROR", "DELETED", "LOST"})  # it will not get ready

Item = TypeVar("Item", bound=BaseModel)


class Named(BaseModel):
    """Anything that has a name in a workspace."""

    name: str


class Pagination(BaseModel):
    """Where in a list a page is."""

    page: int = 1
    total_pages: int = 1


class Page(BaseModel, Generic[Item]):
    """One page of a list; lists that have no pages leave `pagination` out."""

    data: list[Item]
    pagination: Pagination | None = None


class FilesetFile(BaseModel):
    """A file of a fileset."""

    path: str
    size: int = Field(description="Bytes")


class _Task(BaseModel):
    error_stack: str | None = None


class _Step(BaseModel):
    created_at: datetime
    updated_at: datetime
    error_details: dict[str, Any] | None = None
    tasks: list[_Task] = Field(default_factory=list)


class PlatformJob(BaseModel):
    """How a job stands."""

    name: str
    status: PlatformJobState
    status_details: dict[str, Any] = Field(default_factory=dict)
    error_details: dict[str, Any] | None = None
    steps: list[_Step] = Field(default_factory=list)

    @property
    def percent(self) -> float:
        """As the trainer reports it, 0 where it does not; 0 to 100."""
        done = self.status_details.get("percentage_done")
        return min(100.0, max(0.0, float(done))) if isinstance(done, int | float) else 0.0

    @property
    def curve(self) -> list[ValidationPoint]:
        """The validation losses that the trainer has reported; our students' plugin does."""
        points = self.status_details.get("validation_curve")
        return [ValidationPoint.model_validate(point) for point in points or ()]

    @property
    def doing(self) -> str:
        """What it is doing, in a few words."""
        phase = self.status_details.get("phase")
        return phase if isinstance(phase, str) and self.status == "active" else self.status

    @property
    def why(self) -> str:
        """Why it failed: the last line that its process wrote, else what the server says."""
        for step in self.steps:
            for task in step.tasks:
                if line := _last_line(task.error_stack or ""):
                    return line
        details = self.error_details or {}
        return str(details.get("message") or "It gives no reason.")


class ServedModel(BaseModel):
    """A model of a provider: under which name the gateway knows it."""

    model_entity_id: str = Field(description="workspace/name, for the gateway")
    served_model_name: str = Field(description="What the provider itself calls it")


class Provider(BaseModel):
    """An OpenAI-compatible endpoint that the gateway forwards to."""

    name: str
    host_url: str
    status: ServingState = "UNKNOWN"
    status_message: str = ""
    served_models: list[ServedModel] | None = None


class Deployment(BaseModel):
    """A model that the platform itself serves."""

    name: str
    status: ServingState = "UNKNOWN"
    status_message: str = ""


class GatewayModel(BaseModel):
    """A model that can be asked now."""

    id: str = Field(description="workspace/name")


class Usage(BaseModel):
    """Tokens of one answer."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


class Completion(BaseModel):
    """A ChatCompletion; `choices` stay as they are."""

    choices: list[dict[str, Any]] = Field(min_length=1)
    usage: Usage | None = None


class Sample(BaseModel):
    """The answer of the model to one row."""

    output_text: str | None = None
    response: Completion | None = None


class RowScore(BaseModel):
    """One line of the result `row-scores`."""

    row_index: int
    sample: Sample
    metric_errors: dict[str, str] | None = None


class AggregateScore(BaseModel):
    """One score over all rows."""

    name: str
    count: int
    mean: float | None = None


class AggregateScores(BaseModel):
    """The result `aggregate-scores`."""

    scores: list[AggregateScore]


def _last_line(stack: str) -> str:
    """The last message of the log lines in `stack`, which are JSON, or text as it is."""
    for line in reversed(stack.strip().splitlines()):
        try:
            text = str(orjson.loads(line)["message"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            text = line
        if text := text.removeprefix("[stderr]").removeprefix("[stdout]").strip():
            return text
    return ""
