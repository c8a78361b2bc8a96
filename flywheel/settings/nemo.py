"""The sections of config.yaml that say where NVIDIA NeMo is, and what runs there."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from flywheel.settings.section import Names, Section


def _gpu_budget(value: object) -> object:
    """One sentence instead of one for each type that it might have been."""
    try:
        numbers = value.values() if isinstance(value, dict) else [value]
        fits = value == "auto" or all(int(str(number)) >= 0 for number in numbers)
    except ValueError:
        fits = False
    if not fits or (isinstance(value, dict) and not value.keys() <= {"training", "inference"}):
        raise ValueError("must be {training: N, inference: N}, one whole number, or auto")
    return value


# `auto` is first: what is not it, is one of the others.
GpuBudget = Annotated[
    Literal["auto"]
    | Annotated[int, Field(ge=0)]
    | dict[Literal["training", "inference"], Annotated[int, Field(ge=0)]],
    BeforeValidator(_gpu_budget),
]


class NmpConfig(Section):
    """NeMo Microservices endpoints."""

    nemo_base_url: str = "http://nemo.test"
    nim_base_url: str = "http://nim.test"
    datastore_base_url: str = "http://data-store.test"
    nmp_namespace: str = Field("dfwfd", description="Everything we create there carries this name")
    gpu_budget: GpuBudget = Field(
        default_factory=dict,
        description="GPUs for `training` and for `inference` (one that is not named has no limit), "
        "one number for both together, or auto: as many as are found",
    )
    kubeconfig: Path | None = Field(
        None, description="Of the cluster whose GPUs `auto` counts; None counts this machine's"
    )
    kube_context: str | None = Field(None, description="In kubeconfig; None is its current one")
    guided_decoding_backend: str = Field(
        "outlines", description="NIM_GUIDED_DECODING_BACKEND of what we deploy"
    )
    poll_seconds: float = Field(5.0, ge=0, description="Between two looks at a job in NeMo")
    request_timeout_seconds: float = Field(30.0, gt=0, description="For one answer of NeMo")
    answer_timeout_seconds: float = Field(120.0, gt=0, description="For a candidate's answer")
    upload_timeout_seconds: float = Field(
        900.0, gt=0, description="For the files of a dataset, and of an evaluation's results"
    )
    max_attempts: int = Field(3, ge=1, description="At what is safe to repeat, the first included")
    retry_seconds: float = Field(0.5, ge=0, description="Before the second attempt; then doubled")
    concurrent_requests: int = Field(16, ge=1, description="Requests to one candidate at a time")
    unavailable_seconds: float = Field(
        900.0, ge=0, description="NeMo may be silent for this long before a job fails"
    )
    deploy_timeout_seconds: float = Field(3600.0, gt=0, description="Until a NIM is READY")
    sync_timeout_seconds: float = Field(
        1800.0, gt=0, description="Until the NIM proxy serves a model that is there"
    )
    stall_seconds: float = Field(
        3600.0, gt=0, description="A job without progress for this long is cancelled"
    )


class CustomizerConfig(Section):
    """How NeMo Customizer trains one NIM."""

    target: str
    gpus: int = Field(1, ge=1)
    num_nodes: int = Field(1, ge=1)
    tensor_parallel_size: int = Field(1, ge=1)
    data_parallel_size: int = Field(1, ge=1)
    use_sequence_parallel: bool = False
    micro_batch_size: int = Field(1, ge=1)
    training_precision: str = "bf16-mixed"
    max_seq_length: int = Field(4096, ge=1)


class NimConfig(Section):
    """One candidate model on NeMo."""

    model_name: str
    model_type: Literal["llm", "embedding"] = "llm"
    context_length: int = Field(8192, ge=1, description="Tokens")
    gpus: int | None = Field(1, ge=1)
    pvc_size: str | None = None
    tag: str | None = None
    registry_base: str = "nvcr.io/nim"
    customization_enabled: bool = False
    customizer_configs: CustomizerConfig | None = None

    @model_validator(mode="after")
    def _customizer_needed(self) -> "NimConfig":
        if self.customization_enabled and self.customizer_configs is None:
            raise ValueError("customization_enabled needs customizer_configs beside it")
        return self


class NemoPlatformConfig(Section):
    """NeMo Platform 0.6, and what of it is used."""

    base_url: str = Field("http://nemo-platform.test:8080", description="Its HTTP address")
    workspace: str = Field(
        "flywheel",
        pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
        min_length=2,
        max_length=63,
        description="Everything we create there is in it",
    )
    backend: Literal["students", "unsloth", "automodel"] = Field(
        "students", description="What trains: flywheel's CPU students, or NVIDIA's GPU trainers"
    )
    candidates: Names = Field(
        default_factory=lambda: ["tfidf-svm", "tfidf-logreg", "hashing-sgd"],
        min_length=1,
        description="Students to try; the GPU trainers try the models in nims",
    )
    teacher_model: str | None = Field(
        None, description="Model entity that automodel distils from; None is plain fine-tuning"
    )
    distillation_ratio: float = Field(0.5, ge=0, le=1, description="Weight of the teacher's loss")
    parallel_jobs: int = Field(2, ge=1, description="Jobs side by side")
    parallel_requests: int = Field(4, ge=1, description="Requests to one model at the same time")
    serving_seconds: float = Field(
        900.0, gt=0, description="A model that cannot be asked after this has failed"
    )
    timeout_seconds: float = Field(60.0, gt=0, description="For one answer")
    max_attempts: int = Field(6, ge=1, description="For one request, the first included")
    retry_seconds: float = Field(
        0.5, ge=0, description="Before the second attempt; doubled for each further one"
    )
