"""Where candidates are fine-tuned and asked: a platform runs named jobs."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, Field, SecretStr

from flywheel.scheduling.packing import Demand, Pool
from flywheel.settings import IclConfig, LoraConfig, StudentConfig, TrainingConfig
from flywheel.settings.endpoints import JudgeConfig

EvalType = Literal["base-eval", "icl-eval", "customized-eval", "incumbent-eval"]
WorkloadType = Literal["classification", "tool_calling", "generic"]
JobState = Literal["running", "completed", "failed", "cancelled"]

# What may be varied of fine-tuning by gradient steps, as settings of a run.
GRADIENT_PARAMETERS = frozenset(
    {
        "training_config.epochs",
        "training_config.batch_size",
        "training_config.learning_rate",
        "lora_config.adapter_dim",
        "lora_config.adapter_alpha",
        "lora_config.adapter_dropout",
    }
)


class CandidateSpec(BaseModel):
    """A model that a run can try."""

    name: str = Field(description="What people type, e.g. 'tfidf-svm'")
    description: str = Field(description="One line: what it is and what it costs to train")
    base_label: str = Field(
        description="What its base evaluation measures, e.g. 'most frequent label'"
    )
    customizable: bool = Field(True, description="Fine-tuned in a run; others are only asked")
    takes_prompts: bool = Field(
        False, description="Reads the prompt as it is, so examples can be put into it"
    )
    workload_types: frozenset[WorkloadType] = Field(
        frozenset({"classification"}), description="What it can answer"
    )
    parameters: frozenset[str] = Field(
        frozenset(), description="Settings of a run that change its fine-tuning"
    )

    @property
    def final_eval(self) -> EvalType:
        """The evaluation that speaks for it in the verdict."""
        return "customized-eval" if self.customizable else "icl-eval"


class DatasetFiles(BaseModel):
    """Paths or URIs of a run's datasets, as the platform reads them."""

    train: str
    val: str
    eval: str
    labels: list[str] = Field(description="The classes that the answers name")


class CustomizeJob(BaseModel):
    """Fine-tune one candidate."""

    kind: Literal["customize"] = "customize"
    name: str = Field(description="External name, derived from run, candidate and step")
    run_uid: str
    candidate: str
    seed: int
    datasets: DatasetFiles
    training: TrainingConfig
    lora: LoraConfig = LoraConfig()
    student: StudentConfig = StudentConfig()
    trial: int = Field(0, description="Of a sweep, from 1: it leaves a model of its own")


class EvaluateJob(BaseModel):
    """Ask one model for an answer to every record of the evaluation set."""

    kind: Literal["evaluate"] = "evaluate"
    name: str
    run_uid: str
    candidate: str
    seed: int
    datasets: DatasetFiles
    eval_type: EvalType
    artifact: str | None = Field(None, description="The trained model; None asks the base model")
    icl: IclConfig | None = Field(None, description="How examples are chosen; for icl-eval only")


class UploadJob(BaseModel):
    """Bring a run's datasets to where the platform reads them."""

    kind: Literal["upload"] = "upload"
    name: str
    run_uid: str
    workload_id: str
    datasets: DatasetFiles = Field(description="Paths on this machine")


class DeployJob(BaseModel):
    """Serve a candidate's base model, so that it and what is fine-tuned from it can be asked.

    Completed once it answers. It goes on until it is cancelled, which takes it down; the judge
    stays as long as the job of another run needs it.
    """

    kind: Literal["deploy"] = "deploy"
    name: str
    run_uid: str
    candidate: str
    judge: bool = Field(False, description="The candidate is the judge, which all runs share")


Job = Annotated[CustomizeJob | EvaluateJob | UploadJob | DeployJob, Field(discriminator="kind")]
JobKind = Literal["customize", "evaluate", "upload", "deploy"]


class Validation(BaseModel):
    """How good a model is on the validation set, which it was not trained on."""

    metric: Literal["macro_f1", "loss"] = Field(
        description="macro_f1: the higher the better. loss: as the trainer measures it"
    )
    value: float


class ValidationPoint(BaseModel):
    """The loss on the validation set at one moment of a training."""

    percent: float = Field(ge=0, le=100, description="Of the training")
    loss: float


class ModelArtifact(BaseModel):
    """What a customization leaves behind, or an evaluation with examples."""

    uri: str = Field(
        description="Where the model is (a directory on the local platform), or what is needed to "
        "ask it as it was asked: its address, its examples"
    )
    digest: str = Field(description="sha256 of the model's files, hex")
    size_bytes: int | None = Field(description="Of its files; None where nobody says")
    train_records: int = Field(description="Learned from; of examples, those to choose from")
    train_seconds: float
    params: dict[str, str | int | float | bool | None] = Field(
        description="The hyper-parameters used, the seed among them"
    )
    validation: Validation | None = Field(
        None, description="Of its training; None where that has not measured it"
    )


class JobStatus(BaseModel):
    """How a job stands."""

    state: JobState
    percent: float = Field(0.0, ge=0, le=100)
    message: str = Field(
        "", description="What it is doing; of a completed one, what has to be said of it"
    )
    error: str | None = Field(None, description="One sentence, where the state is 'failed'")
    artifact: ModelArtifact | None = Field(
        None, description="Of a completed customization, or of what was asked with examples"
    )
    datasets: DatasetFiles | None = Field(None, description="Of a completed upload: their URIs")
    curve: list[ValidationPoint] = Field(
        default_factory=list, description="Of a training, as far as it measures that"
    )


class PredictionRow(BaseModel):
    """One model's answer to one evaluation record."""

    row: int = Field(description="Line number in the evaluation file, from 0")
    answer: str = Field(description="The model's answer as text, e.g. '[[[Dividend]]]'")
    tool_calls: list[Any] | None = Field(
        None, description="As the model made them, in OpenAI's form; None where it made none"
    )
    seconds: float = Field(description="Time from request to answer")
    input_tokens: int
    output_tokens: int
    confidence: float | None = Field(
        None, ge=0, le=1, description="In its answer, by its own account; None where it has none"
    )


class OwnJudge(BaseModel):
    """A judge that the platform deploys."""

    config: JudgeConfig = Field(description="How it is asked, once it is deployed")
    api_key: SecretStr | None = Field(description="Of the platform; None where it asks for none")


class Leftover(BaseModel):
    """Something of ours outside that no run owns, or that could not be removed."""

    kind: Literal["dataset", "job", "model", "deployment", "tracked"]
    name: str
    run_uid: str | None = Field(
        description="Of the run that made it, where its name says so; 'shared' of what runs share"
    )
    why: str = Field("", description="Why it could not be removed, one sentence")


class Platform(Protocol):
    """Runs jobs by name. The same name is the same job, however often it is started."""

    name: str
    uploads: bool  # datasets have to be brought to it before anything can read them
    deploys: bool  # a base model has to be deployed before it can be asked
    workload_types: frozenset[WorkloadType]  # that at least one candidate can answer

    def candidates(self) -> list[CandidateSpec]:
        """Every candidate that this platform can try here, in the configured order."""
        ...

    async def start(self, job: Job) -> None:
        """Start the job, or do nothing where a job of that name was already started."""
        ...

    async def poll(self, job: Job) -> JobStatus:
        """How the job stands. A job that was never started is 'failed' with that reason."""
        ...

    async def cancel(self, job: Job) -> bool:
        """Ask the job to stop; True once nothing of it runs any more. Safe to repeat."""
        ...

    async def predictions(self, job: EvaluateJob) -> list[PredictionRow]:
        """The answers of a completed evaluation, one per evaluation record, by row."""
        ...

    async def verify(self, artifact: ModelArtifact) -> None:
        """Check that the model is there, and is the one that fine-tuning left.

        Raises DataError where it is gone or was changed.
        """
        ...

    async def budget(self) -> Mapping[Pool, int]:
        """How much there is of each pool that jobs are packed into."""
        ...

    def demand(self, kind: JobKind, candidate: str) -> Demand:
        """What a job of that kind holds while it goes on."""
        ...

    def expected_seconds(self, kind: JobKind, candidate: str) -> float:
        """How long such a job takes, for want of anything measured."""
        ...

    def own_judge(self) -> OwnJudge | None:
        """The judge that it deploys; None where it deploys none."""
        ...

    async def remove(self, run_uid: str) -> list[Leftover]:
        """Delete what the run's jobs left: datasets, models, deployments, predictions, records.

        Returns what could not be removed, with the reason.
        """
        ...

    async def leftovers(self, run_uids: Collection[str]) -> list[Leftover]:
        """What there is of ours outside that belongs to none of these runs."""
        ...

    async def ping(self) -> str:
        """A few words on what answered. Raises UnavailableError where nothing does."""
        ...

    async def ping_candidate(self, name: str) -> str | None:
        """A few words on what answers for a candidate that is served elsewhere.

        None for one that lives on the platform. Raises UnavailableError where nothing answers,
        or something else.
        """
        ...
