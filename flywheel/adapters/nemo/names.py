"""What things are called in NeMo, and whose they are. Pure.

Every name can be told from the job's own, so that it is found again after a crash; those of a
run carry its uid.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

PREFIX = "flywheel-"
JOB_FIELD, RUN_FIELD = "flywheel_job", "flywheel_run"  # in `custom_fields` of what we create
SHARED = "shared"  # in place of a run's uid: of what all runs use
_RUN = re.compile(r"fw-[0-9a-f]+")


def slug(name: str) -> str:
    """A name as NeMo takes it: no slash in it."""
    return re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip("-.")


def eval_dataset(run_uid: str) -> str:
    """The dataset that a run's candidates are evaluated on."""
    return f"{PREFIX}eval-{run_uid}"


def train_dataset(run_uid: str) -> str:
    """The dataset that they are fine-tuned on."""
    return f"{PREFIX}train-{run_uid}"


def files_url(namespace: str, dataset: str) -> str:
    """Where the files of a dataset are."""
    return f"hf://datasets/{namespace}/{dataset}"


def owned(job_name: str) -> str:
    """The name of what a job creates: a customization job, a deployment, an output model."""
    return PREFIX + slug(job_name)


def shared(model: str) -> str:
    """The deployment of a helper model, which all runs use."""
    return f"{PREFIX}{SHARED}-{slug(model)}"


def config_name(model: str, content: Mapping[str, Any]) -> str:
    """A customization config's name; another content has another name."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return f"{PREFIX}{slug(model)}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def marks(job_name: str, run_uid: str) -> dict[str, str]:
    """`custom_fields` that say whose it is."""
    return {JOB_FIELD: job_name, RUN_FIELD: run_uid}


def run_of(name: str | None, custom_fields: Mapping[str, Any] | None = None) -> str | None:
    """The uid of the run that something belongs to; None where neither mark nor name says one.

    What all runs use belongs to SHARED.
    """
    marked = (custom_fields or {}).get(RUN_FIELD)
    if isinstance(marked, str):
        return marked
    if (name or "").startswith(shared("")):
        return SHARED
    found = _RUN.search(name or "")
    return None if found is None else found[0]


def split(full: str) -> tuple[str, str]:
    """The namespace and the rest of 'namespace/name'."""
    namespace, _, name = full.partition("/")
    return namespace, name
