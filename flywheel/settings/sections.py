"""The sections of config.yaml.

Section and key names that NVIDIA's Data Flywheel Blueprint has keep its names and meaning, so
that a config.yaml written for it loads here unchanged; the sections after them are our own.
"""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from flywheel.settings.access import AccessConfig, QuestionsConfig
from flywheel.settings.endpoints import EmbedderConfig, JudgeConfig, ServedCandidateConfig
from flywheel.settings.insights import InsightsConfig
from flywheel.settings.nemo import NemoPlatformConfig, NimConfig, NmpConfig
from flywheel.settings.section import Names, Section
from flywheel.settings.slack import SlackConfig
from flywheel.settings.sweep import StudentConfig, SweepConfig


class DataSplitConfig(Section):
    """How the records of a workload become evaluation, training and validation sets."""

    eval_size: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        100, description="Records held out for evaluation; auto plans it from the policy"
    )
    holdout: Literal["stratified", "time"] = Field(
        "stratified", description="time: the newest records are held out"
    )
    power: float = Field(
        0.8, gt=0, lt=1, description="Of eval_size auto: how likely a good candidate passes"
    )
    expected_discordance: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Of eval_size auto: the share of records on which only one of candidate and "
        "reference is right; null takes that of the last run",
    )
    near_duplicate_threshold: float | None = Field(
        0.8,
        ge=0.5,
        le=1,
        description="Texts at least as similar stay on one side of the split; null does not look",
    )
    use_frozen: bool = Field(True, description="Evaluate on the frozen set, where there is one")
    val_ratio: float = Field(0.1, ge=0, lt=1, description="Share of the rest used for validation")
    min_total_records: int = Field(50, ge=2, description="Fewer usable records are an error")
    random_seed: int | None = Field(
        42, ge=0, le=2**32 - 1, description="null draws one per run; it is stored"
    )
    limit: int | None = Field(None, ge=1, description="Newest N records; null reads all")
    parse_function_arguments: bool = Field(
        True, description="Tool-call arguments become JSON objects"
    )
    stratify_enabled: bool = Field(True, description="Split by label or tool")
    min_samples_per_class: int = Field(
        2, ge=1, description="Classes with fewer records are grouped for the split"
    )
    rare_class_threshold: int = Field(
        1, ge=0, description="Classes with at most this many records are used for training only"
    )


class EvaluationConfig(Section):
    """What kind of workload it is and how answers are scored."""

    workload_type: Literal["classification", "tool_calling", "generic", "auto"] = "auto"
    tool_eval_type: Literal["tool-calling-metric", "tool-calling-judge"] = "tool-calling-metric"
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Level of every interval")
    bootstrap_resamples: int = Field(2000, ge=200)


class SimilarityConfig(Section):
    """Choosing in-context examples by likeness."""

    relevance_ratio: float | None = Field(
        0.7, ge=0, le=1, description="Share chosen by likeness alone; None is 0.7"
    )
    embedding_nim_config: EmbedderConfig | None = Field(
        None, description="Without a url likeness is worked out on this machine"
    )


class IclConfig(Section):
    """In-context evaluation."""

    max_context_length: int = Field(8192, ge=1, description="Tokens")
    reserved_tokens: int = Field(2048, ge=0, description="Tokens kept for the answer")
    max_examples: int = Field(3, ge=0)
    min_examples: int = Field(1, ge=0, description="Where fewer fit, it is asked without any")
    example_selection: Literal["uniform_distribution", "semantic_similarity"] = (
        "uniform_distribution"
    )
    similarity_config: SimilarityConfig | None = None

    @model_validator(mode="after")
    def _possible(self) -> "IclConfig":
        if self.min_examples > self.max_examples:
            raise ValueError("min_examples is greater than max_examples")
        if self.reserved_tokens >= self.max_context_length:
            raise ValueError("reserved_tokens leaves nothing of max_context_length for the prompt")
        return self

    @property
    def prompt_tokens(self) -> int:
        """Tokens that a prompt with examples may have."""
        return self.max_context_length - self.reserved_tokens


class TrainingConfig(Section):
    """Fine-tuning, for every candidate that is fine-tuned by gradient steps."""

    training_type: str = "sft"
    finetuning_type: str = "lora"
    epochs: int = Field(1, ge=1)
    batch_size: int = Field(64, ge=1)
    learning_rate: float = Field(1e-4, gt=0)


class LoraConfig(Section):
    """The LoRA adapter."""

    adapter_dim: int = Field(16, ge=1)
    adapter_alpha: int | None = Field(None, ge=1)
    adapter_dropout: float = Field(0.1, ge=0, lt=1)
    sequence_packing_enabled: bool = False


class MlflowConfig(Section):
    """Where evaluations are tracked, where they are."""

    enabled: bool = False
    tracking_uri: str = "http://0.0.0.0:5000"
    experiment_name_prefix: str = Field("data-flywheel", min_length=1)
    artifact_location: str = Field(
        "./mlruns", description="Of new experiments; a relative one leaves it to the server"
    )


class LoggingConfig(Section):
    """Log level of every process."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"


# --- our own sections -------------------------------------------------------------------------


class LocalPlatformConfig(Section):
    """Students trained on this machine, and models served elsewhere."""

    candidates: Names = Field(
        default_factory=lambda: ["tfidf-svm", "tfidf-logreg", "hashing-sgd"], min_length=1
    )
    served: list[ServedCandidateConfig] = Field(
        default_factory=list, description="Candidates that are only asked"
    )
    parallel_jobs: int = Field(2, ge=1, description="Jobs side by side")

    @field_validator("served")
    @classmethod
    def _distinct(cls, served: list[ServedCandidateConfig]) -> list[ServedCandidateConfig]:
        names = [one.name for one in served]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two candidates are called {twice[0]}")
        return served


class ModelPrice(Section):
    """What a model costs: by token (hosted) or by the hour (a machine of ours)."""

    input_per_million: Decimal = Field(Decimal(0), ge=0, description="Per million input tokens")
    output_per_million: Decimal = Field(Decimal(0), ge=0, description="Per million output tokens")
    per_hour: Decimal = Field(Decimal(0), ge=0, description="Per hour of the machine that answers")


class PriceConfig(Section):
    """The price table. Model names may end in `*`; the longest match counts."""

    currency: str = "USD"
    models: dict[str, ModelPrice] = Field(default_factory=dict)


class DecisionConfig(Section):
    """The policy behind `promote`, `keep` and `insufficient-data`."""

    policy_file: Path | None = Field(
        None, description="A YAML file; None is the packaged config/policy.yaml"
    )


class ReceiptConfig(Section):
    """Receipts of verdicts."""

    key_file: Path | None = Field(
        None, description="Ed25519 key (PEM) that signs; None is keys/receipt.pem under home"
    )


class WorkerConfig(Section):
    """How runs are driven."""

    poll_seconds: float = Field(0.5, gt=0, description="Between two looks at running jobs")
    lease_seconds: float = Field(15.0, gt=1, description="A silent worker loses its run after this")
    sweep_seconds: float = Field(5.0, gt=0, description="Between two looks for abandoned runs")
    count_seconds: float = Field(
        60.0, gt=0, description="Between two counts of the records that a schedule waits for"
    )
    max_concurrent_advances: int = Field(10, ge=1)
    patience_seconds: float = Field(
        900.0, ge=0, description="Smaller steps pass one that waits for room for so long at most"
    )


class ApprovalConfig(Section):
    """Who decides. On the command line whoever has the shell does."""

    approvers: Names = Field(
        default_factory=list,
        description="Ids of users and user groups that may approve, reject and roll back",
    )
    workloads: dict[str, Names] = Field(
        default_factory=dict, description="Workloads where others decide, instead of those"
    )

    def of(self, workload_id: str) -> list[str]:
        """Who decides on this workload."""
        return self.workloads.get(workload_id, self.approvers)


class RunConfig(Section):
    """What one run works with: the settings it was started under, its overrides merged in."""

    data_split_config: DataSplitConfig
    evaluation_config: EvaluationConfig
    training_config: TrainingConfig
    lora_config: LoraConfig
    icl_config: IclConfig
    student_config: StudentConfig
    sweep_config: SweepConfig
    prices: PriceConfig
    candidates: Names = Field(min_length=1)


class Secrets(Section):
    """From the environment only; never written to a log, an error or the database."""

    slack_bot_token: SecretStr | None = None
    slack_app_token: SecretStr | None = None
    slack_signing_secret: SecretStr | None = None
    redis_url: SecretStr | None = Field(None, description="None starts a private server")
    database_url: SecretStr | None = Field(None, description="None is SQLite under home")
    llm_judge_api_key: SecretStr | None = Field(None, description="Sent to llm_judge_config.url")
    served_api_key: SecretStr | None = Field(
        None, description="Sent to every url of local_platform_config.served"
    )
    embedding_api_key: SecretStr | None = Field(
        None, description="Sent to the url of icl_config's embedder"
    )
    insights_api_key: SecretStr | None = Field(None, description="Sent to insights_config.base_url")
    nemo_platform_token: SecretStr | None = Field(
        None, description="Bearer token, sent to nemo_platform_config.base_url"
    )
    nemo_api_key: SecretStr | None = Field(
        None, description="Sent to NeMo, where something before it asks for one"
    )
    nvidia_api_key: SecretStr | None = Field(
        None, description="For a judge or language model of nvidia.com without a key of its own"
    )
    receipt_key: SecretStr | None = Field(
        None, description="Ed25519 private key (PEM) that signs receipts; None is the key file"
    )
    api_keys: SecretStr | None = Field(None, description="NAME:KEY,NAME:KEY of the HTTP API")

    def for_judge(self, url: str | None) -> SecretStr | None:
        """The key of the judge at that address; NVIDIA's goes to nobody but NVIDIA."""
        return self.llm_judge_api_key or self._nvidias(url)

    def for_insights(self, url: str | None) -> SecretStr | None:
        """The key of the language model at that address; NVIDIA's goes to nobody but NVIDIA."""
        return self.insights_api_key or self._nvidias(url)

    def _nvidias(self, url: str | None) -> SecretStr | None:
        host = (urlsplit(url or "").hostname or "").lower()
        return self.nvidia_api_key if host.endswith(".nvidia.com") else None


class Settings(Section):
    """Everything. `home` is where local state lives."""

    home: Path
    nmp_config: NmpConfig = NmpConfig()
    nims: list[NimConfig] = Field(default_factory=list)
    data_split_config: DataSplitConfig = DataSplitConfig()
    evaluation_config: EvaluationConfig = EvaluationConfig()
    icl_config: IclConfig = IclConfig()
    training_config: TrainingConfig = TrainingConfig()
    lora_config: LoraConfig = LoraConfig()
    student_config: StudentConfig = StudentConfig()
    sweep_config: SweepConfig = SweepConfig()
    llm_judge_config: JudgeConfig = JudgeConfig()
    mlflow_config: MlflowConfig = MlflowConfig()
    logging_config: LoggingConfig = LoggingConfig()
    platform: Literal["local", "nemo", "nemo-platform"] = Field(
        "local", description="Where candidates are trained"
    )
    local_platform_config: LocalPlatformConfig = LocalPlatformConfig()
    nemo_platform_config: NemoPlatformConfig = NemoPlatformConfig()
    prices: PriceConfig = PriceConfig()
    decision_config: DecisionConfig = DecisionConfig()
    receipt_config: ReceiptConfig = ReceiptConfig()
    worker_config: WorkerConfig = WorkerConfig()
    approval_config: ApprovalConfig = ApprovalConfig()
    access_config: AccessConfig = AccessConfig()
    questions_config: QuestionsConfig = QuestionsConfig()
    slack_config: SlackConfig = SlackConfig()
    insights_config: InsightsConfig = InsightsConfig()
    secrets: Secrets = Field(Secrets(), repr=False, exclude=True)

    @property
    def default_candidates(self) -> list[str]:
        """What a run tries where its requester names nothing else."""
        if self.platform == "local":
            return list(self.local_platform_config.candidates)
        if self.platform == "nemo-platform" and self.nemo_platform_config.backend == "students":
            return list(self.nemo_platform_config.candidates)
        return [nim.model_name for nim in self.nims if nim.model_type == "llm"]

    @property
    def receipt_key_file(self) -> Path:
        """The file of the key that signs receipts; a relative one is under the home."""
        named = self.receipt_config.key_file
        return self.home / (Path("keys/receipt.pem") if named is None else named.expanduser())
