"""What the services return and every skin draws: typed, complete, free of any layout."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from flywheel.datasets.report import DatasetReport
from flywheel.decisions.policy import PolicyDocument
from flywheel.decisions.verdict import Recommendation
from flywheel.evaluation.audit import Audit
from flywheel.evaluation.headline import Metric
from flywheel.evaluation.scores import Scores
from flywheel.ports.platform import Leftover, Validation, ValidationPoint

RunStatus = Literal["pending", "running", "cancelling", "completed", "failed", "cancelled"]
StepStatus = Literal["pending", "running", "completed", "failed", "skipped", "cancelled"]
EventKind = Literal[
    "run-started",
    "datasets-built",
    "candidate-trained",
    "candidate-evaluated",
    "candidate-failed",
    "run-completed",
    "run-failed",
    "run-cancelled",
    "promoted",
    "rejected",
    "rolled-back",
    "approved",
    "superseded",
]

# Whoever uses the HTTP API where it needs no key.
API_ANONYMOUS = "api:anonymous"


class Actor(BaseModel):
    """Who does something."""

    id: str = Field(description="Slack user id, cli:LOGIN or api:NAME of the key")
    name: str
    origin: Literal["slack", "console", "cli", "api", "system"]
    groups: frozenset[str] = Field(frozenset(), description="Ids of user groups that they are in")
    barred: str | None = Field(
        None, description="Why they may decide nothing whatever a list says: 'a guest'"
    )


class RunRequest(BaseModel):
    """A run as a person asks for it; what is None comes from the settings."""

    workload_id: str
    client_id: str | None = None
    limit: int | None = Field(None, ge=1)
    eval_size: Annotated[int, Field(ge=1)] | Literal["auto"] | None = None
    random_seed: int | None = None
    candidates: list[str] | None = None
    priority: int = Field(0, description="Of two runs that wait for room the higher goes first")
    settings: dict[str, str] = Field(
        default_factory=dict, description="Any other setting of a run, e.g. 'epochs': '2'"
    )

    def overrides(self) -> dict[str, object]:
        """What it asks to be different from the settings."""
        fields = self.model_dump(include={"limit", "eval_size", "random_seed", "candidates"})
        return {**{k: v for k, v in fields.items() if v is not None}, **self.settings}


class DatasetView(BaseModel):
    """One dataset of a run."""

    name: str
    num_records: int
    nmp_uri: str | None = Field(None, description="Where it is, for the platform")
    digest: str = Field(description="sha256 of the file, hex")


class EvaluationView(BaseModel):
    """One evaluation, in the blueprint's shape; `detail` is ours."""

    eval_type: str
    scores: dict[str, float]
    started_at: datetime | None
    finished_at: datetime | None
    runtime_seconds: float
    progress: float = Field(description="Percent")
    nmp_uri: str | None = None
    mlflow_uri: str | None = None
    error: str | None = None
    status: StepStatus
    measures: str = Field("", description="What a base evaluation measures, in words")
    detail: Scores | None = None


class CustomizationView(BaseModel):
    """One fine-tuning."""

    started_at: datetime | None
    finished_at: datetime | None
    runtime_seconds: float
    progress: float = Field(description="Percent")
    error: str | None = None
    status: StepStatus
    message: str = ""
    customized_model: str | None = Field(None, description="Where the trained model is")
    digest: str | None = None


class TrialView(BaseModel):
    """One training of a sweep."""

    number: int = Field(description="From 1")
    parameters: dict[str, int | float | str | bool] = Field(description="By setting of a run")
    status: StepStatus
    progress: float = Field(description="Percent")
    runtime_seconds: float
    validation: Validation | None = Field(None, description="On the validation set, at its end")
    curve: list[ValidationPoint] = Field(default_factory=list)
    stopped: str | None = Field(None, description="Why it was stopped early")
    chosen: bool = Field(description="Its model speaks for the candidate")
    error: str | None = None


class CandidateView(BaseModel):
    """One candidate of a run (`nims[]` in the blueprint's job)."""

    model_name: str
    status: str
    deployment_status: str | None = None
    runtime_seconds: float
    evaluations: list[EvaluationView]
    customizations: list[CustomizationView]
    trials: list[TrialView] = Field(default_factory=list, description="Of its sweep, if any")
    error: str | None = None
    description: str = ""
    base: Scores | None = None
    customized: Scores | None = Field(
        None, description="Of the final evaluation: fine-tuned, or asked with examples"
    )
    audit: Audit | None = Field(None, description="Scores against the truth as people see it")


class WaitsView(BaseModel):
    """What a step that could start waits for."""

    pool: str = Field(description="'gpus', 'jobs', 'judge' or another that the platform has")
    held_by: list[str] = Field(description="The other runs that hold a part of it")
    place: int = Field(description="Of its run in line for it, from 1")


class StepView(BaseModel):
    """One step of the run's graph."""

    kind: str
    candidate: str | None
    trial: int | None = Field(None, description="Of a sweep, from 1")
    status: StepStatus
    percent: float
    message: str
    error: str | None
    expected_start: datetime | None = Field(
        None, description="Of one that waits, as the timetable of all unfinished runs has it now"
    )
    expected_end: datetime | None = Field(None, description="Of one that waits or runs")
    waits: WaitsView | None = Field(None, description="Of one that waits for room that others have")


class TeacherView(BaseModel):
    """The model in production, as the log shows it."""

    model_name: str
    input_tokens: float | None = Field(description="Mean per request; None where not logged")
    output_tokens: float | None
    seconds: float | None
    cost_per_1000: Decimal | None


class IncumbentView(BaseModel):
    """The model that served the workload when the run was started."""

    name: str = Field(description="With its run: 'tfidf-svm (r-3)'")
    scores: Scores | None = Field(None, description="On this run's evaluation records")
    error: str | None = None


class ApprovalView(BaseModel):
    """An open question to people."""

    id: str
    needed: int = Field(description="How many have to approve")
    approved_by: list[str] = Field(description="Actor ids, so far")
    four_eyes: bool = Field(description="Whoever asked for the run does not approve it")
    expires_at: datetime | None
    digests: dict[str, str] = Field(description="Of the models, as they were scored")


class StartedBy(BaseModel):
    """The schedule that started a run."""

    id: str = Field(description="e.g. 's-3'")
    rule: str = Field(description="In words")
    due: datetime = Field(description="The moment that it was due")


class ScheduleView(BaseModel):
    """A run that is started again and again."""

    id: str = Field(description="e.g. 's-3'")
    workload_id: str
    client_id: str | None
    rule: str = Field(description="In words: 'every Monday at 06:00 Europe/London'")
    typed: str = Field(description="As its maker typed it")
    asks: dict[str, object] = Field(description="What its runs have different from the settings")
    made_by: str
    channel: str | None = Field(description="Where its runs are announced")
    created_at: datetime
    zone: str | None = Field(
        description="On whose clock it is due; null where it waits for records"
    )
    next_due: datetime | None = Field(
        description="null while it is paused, and where it waits for records"
    )
    last_fired: datetime | None
    last_run: str | None = Field(description="The run that it started last, if that is there")
    skipped: datetime | None = Field(
        description="The last moment left out because its run still went on"
    )
    records: int | None = Field(None, description="How many new ones it waits for")
    new_records: int | None = Field(
        None, description="How many have come in; null where the log does not answer"
    )
    paused: bool
    error: str | None = Field(description="Why it could not start a run, last time")


class RunView(BaseModel):
    """A run, in the shape of the blueprint's job with our own fields after it."""

    id: str = Field(description="e.g. 'r-12'")
    workload_id: str
    client_id: str | None
    status: RunStatus
    started_at: datetime | None
    finished_at: datetime | None
    num_records: int | None
    llm_judge: dict[str, str] | None = None
    datasets: list[DatasetView]
    nims: list[CandidateView]
    error: str | None
    created_at: datetime
    requested_by: str
    schedule: StartedBy | None = Field(None, description="That started it, if one did")
    seed: int
    version: int = Field(description="Grows with every change of the run")
    steps: list[StepView]
    dataset_report: DatasetReport | None = None
    teacher: TeacherView | None = None
    recommendation: Recommendation | None = None
    summary: str | None = None
    approval_id: str | None = Field(None, description="Of the open approval, if there is one")
    approval: ApprovalView | None = Field(None, description="The same, in full")
    incumbent: str | None = Field(None, description="The model now promoted for this workload")
    compared: IncumbentView | None = Field(
        None, description="The incumbent at the start of the run, on the same records"
    )
    previous_run: str | None = Field(
        None, description="The completed run of the workload before this one"
    )
    expected_end: datetime | None = Field(
        None,
        description="Of a run that goes on, by the times of earlier runs of the workload, else by "
        "the platform's guess; null where it cannot be told",
    )


class PromotionView(BaseModel):
    """Which model serves a workload, and who said so."""

    workload_id: str
    model_name: str
    run_id: str
    status: Literal["active", "replaced", "rolled-back"]
    approved_by: str
    approved_at: datetime
    reason: str
    score: float | None = Field(None, description="Headline of its run, when it was promoted")
    metric: Metric = Field("macro_f1", description="What the score is of")
    model_uri: str
    digest: str
    served: str | None = Field(
        None,
        description="Of a model that is only asked: 'MODEL at URL'. Then the files are its card "
        "and examples; the weights stay there",
    )
    replaced: str | None = Field(None, description="The model it took over from, with its run")


class DecisionView(BaseModel):
    """What became of one person's decision."""

    promotion: PromotionView | None = Field(None, description="What serves now, if that changed")
    approved_by: list[str] = Field(default_factory=list, description="So far")
    needed: int = Field(1, description="How many have to approve")


class WorkloadView(BaseModel):
    """A workload at a glance."""

    workload_id: str
    records: int | None = Field(None, description="In the log; None where it was not asked")
    serving: PromotionView | None = Field(None, description="None: the teacher")
    scores: Scores | None = Field(
        None, description="Of what serves now, in its own run; None where that run was deleted"
    )
    records_since: int | None = Field(None, description="Logged since it was promoted")
    checked: RunView | None = Field(
        None, description="The newest run that scored what serves now on newer records"
    )


class HomeView(BaseModel):
    """What one person wants to see first."""

    waiting: list[RunView] = Field(description="Questions to approve that wait for this person")
    more_waiting: int = 0
    running: list[RunView]
    more_running: int = 0
    mine: list[RunView] = Field(description="The newest runs that this person asked for")
    workloads: list[WorkloadView]
    more_workloads: int = 0


class PolicyView(BaseModel):
    """The policy in force, and who decides under it."""

    document: PolicyDocument
    workload_id: str | None = Field(description="Whose approvers these are; None: the others'")
    approvers: list[str] = Field(description="Ids of users and user groups")
    elsewhere: dict[str, list[str]] = Field(
        default_factory=dict, description="Workloads where others decide, unless one was asked for"
    )


class EvalSetView(BaseModel):
    """A frozen evaluation set."""

    workload_id: str
    client_id: str | None = Field(description="Of the runs that use it; None: of all clients")
    run_id: str = Field(description="The run that drew it")
    records: int
    digest: str = Field(description="sha256 of the file, hex")
    uri: str
    frozen_by: str
    frozen_at: datetime
    released_by: str | None = None
    released_at: datetime | None = Field(None, description="None while it is in force")


class PlannedStepView(BaseModel):
    """A step of a run that has not been started."""

    kind: str
    candidate: str | None
    trial: int | None = Field(None, description="Of a sweep, from 1")
    start_seconds: float = Field(description="From now")
    end_seconds: float
    held_until_seconds: float = Field(description="When it gives back what it holds")
    pool: str = Field(description="'' where it holds nothing")
    amount: int


class PlanView(BaseModel):
    """What a run would take, before anything is spent."""

    workload_id: str
    steps: list[PlannedStepView]
    seconds: float = Field(description="From now to its verdict")
    waits_seconds: float = Field(description="Of these, until its first step on the platform")
    held_seconds: dict[str, float] = Field(
        description="By pool: what is held of it, times how long"
    )
    budget: dict[str, int] = Field(description="What there is of each pool")
    runs_before: int = Field(description="Unfinished runs that it shares the platform with")
    measured: bool = Field(
        description="Times are those of earlier runs of the workload; else the platform's guess"
    )
    impossible: list[str] = Field(description="Steps that need more than there is at all")


class GarbageView(BaseModel):
    """What became of the things outside that no run owns."""

    removed: int
    left: list[Leftover]
    questions: int = Field(0, description="Old ones that were removed with their answers")


class EventView(BaseModel):
    """One entry of the outbox: something that happened to a run, in words of data."""

    id: int
    run_id: str
    kind: EventKind
    text: str = Field(description="One plain sentence")
    created_at: datetime


class PartStatus(BaseModel):
    """One line of `flywheel doctor`."""

    part: str
    implementation: str
    state: Literal["ok", "off", "failed"]
    detail: str
    hint: str = ""


class Place(BaseModel, frozen=True):
    """Where a conversation takes place."""

    team: str = ""
    channel: str
    thread: str | None = Field(None, description="None: with one person alone")

    @property
    def key(self) -> str:
        """Its name."""
        return f"{self.team}/{self.channel}/{self.thread or ''}"


class Answer(BaseModel):
    """An answer to a question in plain words, with where it comes from."""

    text: str = Field(description="Plain text; '*bold*' is the only mark-up")
    sources: list[str] = Field(description="Commands that show the same facts")
    evidence: list[str] = Field(
        default_factory=list, description="What each number in it is: 'macro-F1 of … in r-12'"
    )
    understood: bool = True
    refused: bool = Field(False, description="It says that what there is does not answer this")
    choices: list[str] = Field(
        default_factory=list, description="Of a question back: the questions to choose from"
    )
    by: Literal["reader", "model"] = Field("reader", description="Who worded it")
    id: str | None = Field(None, description="Names the stored question; None where it is not kept")
    limited_to: list[str] = Field(
        default_factory=list,
        exclude=True,
        description="Workloads that it speaks of and that not everybody may see",
    )
