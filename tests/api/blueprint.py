"""What clients of NVIDIA's Data Flywheel Blueprint rely on, as data.

Its responses, from src/api/schemas.py: each field with its type, '?' where it may be null. Another
model's name in brackets is a list of it. The words are those of its enumerations.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

RESPONSES: Mapping[str, Mapping[str, str]] = {
    "JobResponse": {"id": "text", "status": "text", "message": "text"},
    "JobDeleteResponse": {"id": "text", "message": "text"},
    "JobCancelResponse": {"id": "text", "message": "text"},
    "JobsListResponse": {"jobs": "[JobListItem]"},
    "JobListItem": {
        "id": "text",
        "workload_id": "text",
        "client_id": "text?",
        "status": "JobStatus",
        "started_at": "time",
        "finished_at": "time?",
        "datasets": "[Dataset]",
        "error": "text?",
    },
    "JobDetailResponse": {
        "id": "text",
        "workload_id": "text",
        "client_id": "text",
        "status": "JobStatus",
        "started_at": "time",
        "finished_at": "time?",
        "num_records": "count",
        "llm_judge": "LLMJudgeResponse?",
        "nims": "[NIMResponse]",
        "datasets": "[Dataset]",
        "error": "text?",
    },
    "Dataset": {"name": "text", "num_records": "count", "nmp_uri": "text?"},
    "LLMJudgeResponse": {
        "model_name": "text",
        "type": "text",
        "deployment_status": "DeploymentStatus",
        "error": "text?",
    },
    "NIMResponse": {
        "model_name": "text",
        "status": "NIMStatus",
        "deployment_status": "DeploymentStatus",
        "runtime_seconds": "number",
        "evaluations": "[Evaluation]",
        "customizations": "[Customization]",
        "error": "text?",
    },
    "Evaluation": {
        "eval_type": "EvalType",
        "scores": "scores",
        "started_at": "time",
        "finished_at": "time?",
        "runtime_seconds": "number",
        "progress": "percent",
        "nmp_uri": "text?",
        "mlflow_uri": "text?",
        "error": "text?",
    },
    "Customization": {
        "started_at": "time",
        "finished_at": "time?",
        "runtime_seconds": "number",
        "progress": "percent",
        "epochs_completed": "count",
        "steps_completed": "count",
        "nmp_uri": "text?",
        "customized_model": "text?",
        "error": "text?",
    },
}

WORDS = {
    "JobStatus": {"pending", "running", "completed", "cancelled", "failed"},
    "NIMStatus": {
        "pending",
        "deploying-nim",
        "running-evals",
        "cancelled",
        "completed",
        "failed",
    },
    "DeploymentStatus": {
        "created",
        "pending",
        "running",
        "cancelled",
        "failed",
        "completed",
        "ready",
        "unknown",
    },
    "EvalType": {"base-eval", "icl-eval", "customized-eval"},
}

# Its src/config.py: what data_split_config of a request may hold.
DATA_SPLIT = {
    "eval_size": 100,
    "val_ratio": 0.1,
    "min_total_records": 50,
    "random_seed": 7,
    "limit": 280,
    "parse_function_arguments": True,
}


def check(body: Any, model: str) -> None:
    """Fails unless the body has every field of that response, with a fitting value."""
    for field, kind in RESPONSES[model].items():
        assert field in body, f"{model} has no {field}"
        _check_value(body[field], kind, f"{model}.{field}")


def _check_value(value: Any, kind: str, place: str) -> None:
    if kind.endswith("?"):
        if value is None:
            return
        kind = kind[:-1]
    if kind.startswith("["):
        assert isinstance(value, list), place
        for item in value:
            check(item, kind[1:-1])
    elif kind in RESPONSES:
        check(value, kind)
    elif kind in WORDS:
        assert value in WORDS[kind], f"{place} is {value}"
    else:
        assert _fits(value, kind), f"{place} is {value!r}"


def _fits(value: Any, kind: str) -> bool:
    if kind == "text":
        return isinstance(value, str)
    if kind == "time":  # as its notebooks read it, also before Python 3.11
        return datetime.fromisoformat(value) is not None and not value.endswith("Z")
    if kind == "count":
        return type(value) is int and value >= 0
    if kind == "scores":
        return all(isinstance(v, int | float) for v in value.values())
    assert kind in {"number", "percent"}, kind
    return isinstance(value, int | float) and 0 <= value <= (100 if kind == "percent" else 1e12)


def rows(job: Any) -> list[dict[str, Any]]:
    """The tables that the notebook's job monitor draws of a job at every poll."""
    evaluations = [
        {
            "model": nim["model_name"],
            "eval": one["eval_type"].upper(),
            "percent": one["progress"],
            "seconds": divmod(one["runtime_seconds"], 60),
            "status": "Completed" if one["finished_at"] else "Running",
            "started": datetime.fromisoformat(one["started_at"]).strftime("%H:%M:%S"),
            **one["scores"],
        }
        for nim in job["nims"]
        for one in nim["evaluations"]
    ]
    customizations = [
        {
            "model": nim["model_name"],
            "epochs": one["epochs_completed"],
            "steps": one["steps_completed"],
            "started": datetime.fromisoformat(one["started_at"]).strftime("%H:%M:%S"),
            "status": "Completed" if one["finished_at"] else "Running",
        }
        for nim in job["nims"]
        for one in nim["customizations"]
    ]
    return evaluations + customizations
