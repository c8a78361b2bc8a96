"""Fine-tuning in Customizer's words, and what tells one fine-tuned model from another. Pure."""

import hashlib
import json
import math
from typing import Any

from flywheel.ports.platform import Validation, ValidationPoint
from flywheel.settings.nemo import CustomizerConfig
from flywheel.settings.sections import LoraConfig, TrainingConfig


def hyperparameters(training: TrainingConfig, lora: LoraConfig, seed: int) -> dict[str, Any]:
    """Of a job: every field of `training_config` and `lora_config`."""
    adapter: dict[str, Any] = {
        "adapter_dim": lora.adapter_dim,
        "adapter_dropout": lora.adapter_dropout,
    }
    if lora.adapter_alpha is not None:
        adapter["alpha"] = lora.adapter_alpha
    return {
        "training_type": training.training_type,
        "finetuning_type": training.finetuning_type,
        "epochs": training.epochs,
        "batch_size": training.batch_size,
        "learning_rate": training.learning_rate,
        "sequence_packing_enabled": lora.sequence_packing_enabled,
        "seed": seed,
        "lora": adapter,
    }


def config_content(custom: CustomizerConfig, training: TrainingConfig) -> dict[str, Any]:
    """Of a customization config: every field of `customizer_configs`."""
    return {
        "target": custom.target,
        "max_seq_length": custom.max_seq_length,
        "training_precision": custom.training_precision,
        "training_options": [
            {
                "training_type": training.training_type,
                "finetuning_type": training.finetuning_type,
                "num_gpus": custom.gpus,
                "num_nodes": custom.num_nodes,
                "tensor_parallel_size": custom.tensor_parallel_size,
                "data_parallel_size": custom.data_parallel_size,
                "use_sequence_parallel": custom.use_sequence_parallel,
                "micro_batch_size": custom.micro_batch_size,
            }
        ],
    }


def digest_of(model: Any) -> str:
    """What makes the model this one: its base, its adapter, its specification, its files."""
    found = model.model_dump(mode="json")
    keys = ("namespace", "name", "base_model", "peft", "spec", "artifact", "created_at")
    text = json.dumps({key: found.get(key) for key in keys}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def params_of(
    training: TrainingConfig, lora: LoraConfig, seed: int
) -> dict[str, str | int | float | bool | None]:
    """The same, flat: what is kept with a model."""
    wanted = hyperparameters(training, lora, seed)
    adapter = wanted.pop("lora")
    return {**wanted, **{f"lora_{key.removeprefix('adapter_')}": v for key, v in adapter.items()}}


def validation_curve(status: Any) -> list[ValidationPoint]:
    """The validation losses that Customizer has reported so far, in order.

    Where it does not say how many steps an epoch has, the last one stands for the present percent.
    """
    values = status.metrics and status.metrics.metrics and status.metrics.metrics.val_loss
    known = [
        (float(v.step), float(v.value))
        for v in values or ()
        if v.step is not None and v.value is not None and math.isfinite(v.value)
    ]
    last = max((step for step, _ in known), default=0.0)
    done = min(float(status.percentage_done or 0.0), 100.0)
    steps = float(status.steps_completed or 0)
    scale = done / steps if steps and done else (done / last if last else 0.0)
    return [
        ValidationPoint(percent=min(100.0, step * scale), loss=loss) for step, loss in sorted(known)
    ]


def validation_of(status: Any) -> Validation | None:
    """The loss of the best checkpoint, which is the one that Customizer keeps."""
    loss = status.val_loss
    if loss is None or not math.isfinite(loss):
        return None
    return Validation(metric="loss", value=float(loss))
