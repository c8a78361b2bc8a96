"""The rows that hold the state of every run. `table=True` models do not validate: the views do."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from flywheel.clock import utc_now


def _json() -> Any:
    return Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))


def _run_id() -> Any:
    return Field(foreign_key="run.id", ondelete="CASCADE", index=True)


class Run(SQLModel, table=True):
    """One flywheel run, the lease on it and its outcome."""

    __table_args__ = (
        Index("one_run_per_firing", "schedule_id", "schedule_due", unique=True),
        Index("one_run_per_request", "request_key", unique=True),
        # A deleted run's number is never given to another run.
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    uid: str = Field(unique=True, description="Names everything outside the database")
    workload_id: str = Field(index=True)
    client_id: str | None = None
    status: str = Field(index=True, description="RunStatus")
    requested_by: str
    schedule_id: int | None = Field(
        default=None, description="That started it. No foreign key: it may be removed"
    )
    schedule_due: datetime | None = None
    schedule_words: str | None = None
    request_key: str | None = Field(
        default=None, description="Names what asked for it, where that may ask twice"
    )
    config: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))  # RunConfig
    seed: int
    priority: int = Field(
        default=0,
        description="Of two runs that wait, the one with the higher goes first",
        sa_column_kwargs={"server_default": "0"},
    )
    policy: dict[str, Any] | None = _json()  # PolicyDocument
    incumbent: dict[str, Any] | None = _json()  # IncumbentModel
    num_records: int | None = None
    dataset_report: dict[str, Any] | None = _json()
    recommendation: dict[str, Any] | None = _json()
    summary: str | None = None
    error: str | None = None
    created_at: datetime = Field(default_factory=utc_now)
    started_at: datetime | None = None
    finished_at: datetime | None = None
    track_at: datetime | None = Field(
        default=None, description="When its evaluations are due at the tracking server"
    )
    version: int = Field(default=1, description="Grows with every change that people can see")
    fence: int = Field(default=0, description="Grows with every lease taken")
    lease_until: datetime | None = None
    wake_at: datetime = Field(
        default_factory=utc_now, description="When the queue should next bring it to a worker"
    )


class Announcement(SQLModel, table=True):
    """A channel where the bot has yet to show a run; it is deleted as its card is claimed."""

    run_id: int = Field(
        foreign_key="run.id",
        ondelete="CASCADE",
        primary_key=True,
        sa_column_kwargs={"autoincrement": False},
    )
    channel: str = Field(primary_key=True)


class Schedule(SQLModel, table=True):
    """A run that is started again and again, by the calendar or by new records."""

    # The number of one that was removed stays with its runs.
    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True)
    workload_id: str = Field(index=True)
    client_id: str | None = None
    typed: str = Field(description="The rule as it was typed")
    rule: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))  # Rule
    request: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))  # RunRequest
    made_by: str = Field(description="Actor id; its runs are asked for by them")
    made_by_name: str
    channel: str | None = Field(default=None, description="Where its runs are announced")
    created_at: datetime = Field(default_factory=utc_now)
    next_due: datetime = Field(
        index=True, description="Of one by records: when they are counted next"
    )
    last_fired: datetime | None = None
    counted: int = Field(
        default=0, description="By records: how many there were when counting began"
    )
    claimed_until: datetime | None = Field(
        default=None, description="A worker starts its run; after this another one may"
    )
    paused_at: datetime | None = None
    failures: int = Field(default=0, description="In a row")
    error: str | None = Field(default=None, description="Why it could not start a run, last time")
    skipped: datetime | None = Field(
        default=None, description="The last moment left out because its run still went on"
    )
    notice: str | None = Field(default=None, description="What people have yet to be told")
    notice_at: datetime | None = None


class Candidate(SQLModel, table=True):
    """A model tried in a run, and what its fine-tuning left."""

    __table_args__ = (UniqueConstraint("run_id", "name"),)

    id: int | None = Field(default=None, primary_key=True)
    run_id: int = _run_id()
    position: int
    name: str
    description: str
    base_label: str
    final_eval: str = Field(
        default="customized-eval",
        description="EvalType that speaks for it in the verdict",
        sa_column_kwargs={"server_default": "customized-eval"},
    )
    artifact: dict[str, Any] | None = _json()  # ModelArtifact


class Step(SQLModel, table=True):
    """One step of a run's graph."""

    __table_args__ = (UniqueConstraint("run_id", "kind", "candidate", "trial"),)

    id: int | None = Field(default=None, primary_key=True)
    run_id: int = _run_id()
    kind: str = Field(description="StepKind")
    candidate: str = Field(default="", description="Empty for steps of the run as a whole")
    trial: int = Field(
        default=0,
        description="Of a sweep, from 1; 0 for every other step",
        sa_column_kwargs={"server_default": "0"},
    )
    status: str = Field(description="StepStatus")
    external_name: str = Field(description="Stored before the outside is called by it")
    launched: bool = Field(default=False, description="The outside has confirmed the start")
    percent: float = 0.0
    message: str = ""
    error: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    pool: str = Field(
        default="",
        description="What it holds a part of while it goes on; '' where nothing",
        sa_column_kwargs={"server_default": ""},
    )
    amount: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    chain_seconds: float = Field(
        default=0.0,
        description="Expected, to the end of all that waits for it",
        sa_column_kwargs={"server_default": "0"},
    )
    ready_since: datetime | None = Field(
        default=None, description="When it could have started, had there been room"
    )
    released_at: datetime | None = Field(default=None, description="When it gave back what it held")


class Trial(SQLModel, table=True):
    """One training of a sweep: its hyper-parameters and what came of them."""

    __table_args__ = (UniqueConstraint("run_id", "candidate", "number"),)

    id: int | None = Field(default=None, primary_key=True)
    run_id: int = _run_id()
    candidate: str
    number: int = Field(description="From 1")
    parameters: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))  # Parameters
    curve: list[Any] | None = _json()  # list[ValidationPoint]
    artifact: dict[str, Any] | None = _json()  # ModelArtifact
    stopped: str | None = Field(default=None, description="Why it was stopped early")
    chosen: bool = Field(default=False, description="Its model speaks for the candidate")


class Dataset(SQLModel, table=True):
    """A file of records that a run was evaluated or trained on."""

    __table_args__ = (UniqueConstraint("run_id", "name"),)

    id: int | None = Field(default=None, primary_key=True)
    run_id: int = _run_id()
    name: str = Field(description="train, val or eval")
    uri: str
    remote_uri: str | None = Field(default=None, description="Where the platform reads it")
    num_records: int
    digest: str = Field(description="sha256, hex")


class FrozenSet(SQLModel, table=True):
    """An evaluation set that later runs use again, letter by letter. Outlives its run.

    Its records are never trained on, also once it is released.
    """

    __table_args__ = (
        Index(
            "one_frozen_set_in_force",
            "workload_id",
            "client_id",
            unique=True,
            sqlite_where=text("released_at IS NULL"),
            postgresql_where=text("released_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    workload_id: str = Field(index=True)
    client_id: str = Field(description="Of the runs that use it; '' for those of all clients")
    run_id: int = Field(description="That drew it. No foreign key: it stays when the run goes")
    uri: str
    num_records: int
    digest: str = Field(description="sha256 of the file, hex")
    frozen_by: str
    frozen_at: datetime = Field(default_factory=utc_now)
    released_by: str | None = None
    released_at: datetime | None = None


class Evaluation(SQLModel, table=True):
    """The scores of one model on the run's evaluation set."""

    __table_args__ = (UniqueConstraint("run_id", "candidate", "eval_type"),)

    id: int | None = Field(default=None, primary_key=True)
    run_id: int = _run_id()
    candidate: str
    eval_type: str
    scores: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))  # Scores
    mlflow_uri: str | None = Field(default=None, description="Where MLflow shows it")
    created_at: datetime = Field(default_factory=utc_now)


class Prediction(SQLModel, table=True):
    """One answer of one model to one evaluation record; scores are computed from these."""

    evaluation_id: int = Field(
        primary_key=True, foreign_key="evaluation.id", ondelete="CASCADE", index=True
    )
    row: int = Field(primary_key=True, description="Line of the evaluation file, from 0")
    record_id: str = Field(description="Content hash of the record")
    expected: str
    answer: str = Field(description="As the model gave it")
    label: str | None = Field(description="As it was read; None where unparseable")
    tool_calls: list[Any] | None = _json()
    correct: bool | None = Field(
        default=None, description="Of tool calls: equal to those expected; None of other answers"
    )
    judged: int | None = Field(
        default=None, description="By the judge, 1 to 10 or 0 to 1; None where it gave no score"
    )
    seconds: float
    input_tokens: int
    output_tokens: int
    confidence: float | None = Field(default=None, description="By the model's own account, 0 to 1")


class Review(SQLModel, table=True):
    """What one person said of one evaluation record; never changed, a later one counts instead."""

    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True)
    run_id: int = _run_id()
    candidate: str
    row: int = Field(description="Line of the evaluation file, from 0")
    record_id: str = Field(description="Content hash of the record")
    teacher_label: str
    candidate_label: str | None
    judgement: str = Field(description="Judgement: who was right; or 'withdrawn'")
    right_label: str | None = Field(default=None, description="None where nobody named it")
    reviewer: str = Field(description="Actor id")
    stratum: str
    stratum_size: int = Field(description="Evaluation records of the stratum")
    inclusion: float = Field(description="Share of the stratum asked up to this record, 0 to 1")
    created_at: datetime = Field(default_factory=utc_now)


class Event(SQLModel, table=True):
    """The outbox: written in the transaction that caused it, never changed."""

    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True)
    run_id: int = _run_id()
    kind: str
    text: str
    created_at: datetime = Field(default_factory=utc_now)


class Approval(SQLModel, table=True):
    """A question to people: may this run's recommended model take over?"""

    id: str = Field(primary_key=True, description="Random; all that a button carries")
    run_id: int = Field(foreign_key="run.id", ondelete="CASCADE", unique=True)
    status: str = Field(description="open, approved, rejected, expired or superseded")
    needed: int = Field(
        default=1,
        description="How many people have to approve",
        sa_column_kwargs={"server_default": "1"},
    )
    expires_at: datetime | None = None
    pinned: dict[str, Any] | None = _json()  # Pinned
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: str | None = None
    created_at: datetime = Field(default_factory=utc_now)


class ApprovalVote(SQLModel, table=True):
    """One person's approval, where several have to approve."""

    __tablename__ = "approval_vote"
    __table_args__ = (UniqueConstraint("approval_id", "voter"),)

    id: int | None = Field(default=None, primary_key=True)
    approval_id: str = Field(foreign_key="approval.id", ondelete="CASCADE", index=True)
    voter: str = Field(description="Actor id")
    model_name: str
    reason: str
    created_at: datetime = Field(default_factory=utc_now)


class Audit(SQLModel, table=True):
    """One link of the chain of decisions. Never changed, never deleted: triggers refuse it."""

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime
    actor: str
    origin: str
    action: str
    workload_id: str = Field(index=True)
    run_id: int | None = Field(default=None, description="No foreign key: it outlives its run")
    approval_id: str | None = None
    detail: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    previous: str
    digest: str


class Receipt(SQLModel, table=True):
    """The signed receipt of a run's verdict. Outlives its run."""

    run_uid: str = Field(primary_key=True, description="One receipt per run")
    run_id: int = Field(description="No foreign key: the record stays when the run is deleted")
    workload_id: str = Field(index=True)
    key_id: str
    document: str = Field(description="Byte by byte as it was signed")
    created_at: datetime = Field(default_factory=utc_now)


class Promotion(SQLModel, table=True):
    """Which model served a workload, from when to when, and who decided. Outlives its run."""

    __table_args__ = (
        Index(
            "one_active_promotion",
            "workload_id",
            unique=True,
            sqlite_where=text("status = 'active'"),
            postgresql_where=text("status = 'active'"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    workload_id: str = Field(index=True)
    run_id: int = Field(description="No foreign key: the record stays when the run is deleted")
    model_name: str
    model_uri: str
    digest: str
    score: float | None = Field(default=None, description="Headline of its run, when promoted")
    metric: str = Field(
        default="macro_f1",
        description="What the score is of",
        sa_column_kwargs={"server_default": "macro_f1"},
    )
    status: str = Field(description="active, replaced or rolled-back")
    approved_by: str
    approved_at: datetime = Field(default_factory=utc_now)
    reason: str
    replaces_id: int | None = Field(default=None, description="The promotion it took over from")
    ended_at: datetime | None = None
    ended_by: str | None = None
    end_reason: str | None = None


class Question(SQLModel, table=True):
    """A question in plain words and how it was answered; removed after questions_config.keep_days.

    It names runs and workloads as they were, without foreign keys.
    """

    id: str = Field(primary_key=True, description="Random; all that a button carries")
    asked_at: datetime = Field(default_factory=utc_now, index=True)
    actor: str = Field(index=True, description="Actor id")
    origin: str
    place: str | None = Field(
        default=None, index=True, description="Place.key; None outside of a conversation"
    )
    focus_run: str | None = None
    text: str
    answer: str
    sources: list[str] = Field(sa_column=Column(JSON, nullable=False))
    choices: list[str] = Field(sa_column=Column(JSON, nullable=False))
    chosen: int | None = Field(default=None, description="Of the choices, from 0")
    chosen_by: str | None = Field(default=None, description="Actor id")
    limited_to: list[str] = Field(sa_column=Column(JSON, nullable=False))
    run: str | None = Field(default=None, description="That the answer is about")
    models: list[str] = Field(sa_column=Column(JSON, nullable=False))
    by: str = Field(description="AnsweredBy")
    fell_back: str | None = Field(default=None, description="Why no language model answered")
    tools: list[Any] = Field(sa_column=Column(JSON, nullable=False))  # list[ToolCall]
    prompt: str | None = Field(default=None, description="Name of the prompt")
    prompt_digest: str | None = None
    model: str | None = Field(
        default=None, index=True, description="That was asked, also where its answer was not taken"
    )
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: str | None = Field(default=None, description="Decimal as text: SQLite has floats only")
    seconds: float
    understood: bool
    refused: bool


class QuestionFeedback(SQLModel, table=True):
    """What one person says of an answer; what they say last counts."""

    __tablename__ = "question_feedback"

    question_id: str = Field(foreign_key="question.id", ondelete="CASCADE", primary_key=True)
    actor: str = Field(primary_key=True, description="Actor id")
    verdict: str = Field(description="right or wrong")
    note: str = ""
    at: datetime = Field(default_factory=utc_now)
