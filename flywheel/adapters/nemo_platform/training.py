"""What each training backend is asked for. Pure."""

from typing import Any

from flywheel.adapters.nemo_platform import names
from flywheel.errors import InvalidInputError
from flywheel.ports.platform import CustomizeJob
from flywheel.settings import NemoPlatformConfig
from flywheel.settings.sections import LoraConfig

Spec = dict[str, Any]


def spec(job: CustomizeJob, config: NemoPlatformConfig) -> Spec:
    """The request to the configured backend. Raises InvalidInputError where it cannot do that."""
    make = {"students": _students, "unsloth": _unsloth, "automodel": _automodel}[config.backend]
    return make(job, config)


def model_entity(candidate: str, config: NemoPlatformConfig) -> str:
    """The model entity of a base model: its name there, in our workspace."""
    return f"{config.workspace}/{names.external(candidate)}"


def adapter_model(candidate: str, fileset: str, config: NemoPlatformConfig) -> str:
    """How the gateway names a LoRA adapter on its base model."""
    return f"{model_entity(candidate, config)}&adapters/{fileset}"


def _students(job: CustomizeJob, config: NemoPlatformConfig) -> Spec:
    train = f"{config.workspace}/{names.train_fileset(job.run_uid)}#train.jsonl"
    validation = {}
    if job.trial:
        fileset = names.val_fileset(job.run_uid)
        validation["validation_path"] = f"{config.workspace}/{fileset}#validation.jsonl"
    return {
        "model": {"name": job.candidate},
        "dataset": {"path": train, "labels": job.datasets.labels, **validation},
        "training": {"seed": job.seed, **job.student.model_dump(exclude_none=True)},
        "output": _output(job),
    }


def _unsloth(job: CustomizeJob, config: NemoPlatformConfig) -> Spec:
    if job.training.training_type != "sft":
        raise InvalidInputError(
            f"The backend unsloth cannot do training_type '{job.training.training_type}'.",
            "It does sft; automodel does distillation too.",
        )
    return {
        "model": {"name": model_entity(job.candidate, config), "load_in_4bit": False},
        "dataset": {
            "path": f"{config.workspace}/{names.train_fileset(job.run_uid)}",
            "validation_path": f"{config.workspace}/{names.val_fileset(job.run_uid)}",
            "apply_chat_template": True,
            "packing": job.lora.sequence_packing_enabled,
        },
        "training": {
            "training_type": "sft",
            "finetuning_type": job.training.finetuning_type,
            "lora": _lora(job.lora),
        },
        "schedule": {"epochs": job.training.epochs, "seed": job.seed},
        "batch": {"per_device_train_batch_size": job.training.batch_size},
        "optimizer": {"learning_rate": job.training.learning_rate},
        "output": {**_output(job), "save_method": "lora"},
    }


def _automodel(job: CustomizeJob, config: NemoPlatformConfig) -> Spec:
    training: Spec = {
        "training_type": job.training.training_type,
        "finetuning_type": job.training.finetuning_type,
        "lora": _lora(job.lora),
    }
    if job.training.training_type == "distillation":
        if config.teacher_model is None:
            raise InvalidInputError(
                "training_type distillation needs a teacher.",
                "Set nemo_platform_config.teacher_model to a model entity.",
            )
        training |= {
            "teacher_model": config.teacher_model,
            "distillation_ratio": config.distillation_ratio,
        }
    return {
        "model": model_entity(job.candidate, config),
        "dataset": {
            "training": f"{config.workspace}/{names.train_fileset(job.run_uid)}",
            "validation": f"{config.workspace}/{names.val_fileset(job.run_uid)}",
        },
        "training": training,
        "schedule": {"epochs": job.training.epochs, "seed": job.seed},
        "batch": {
            "global_batch_size": job.training.batch_size,
            "sequence_packing": job.lora.sequence_packing_enabled,
        },
        "optimizer": {"learning_rate": job.training.learning_rate},
        "output": _output(job),
    }


def _lora(lora: LoraConfig) -> Spec:
    alpha = {} if lora.adapter_alpha is None else {"alpha": lora.adapter_alpha}
    return {"rank": lora.adapter_dim, "dropout": lora.adapter_dropout, **alpha}


def _output(job: CustomizeJob) -> Spec:
    return {"name": names.model_fileset(job.run_uid, job.candidate, job.trial)}
