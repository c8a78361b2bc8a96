"""Whole runs on the double: their settings, their logs, and what the double has to say of them."""

import gzip
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from flywheel.settings import Settings
from tests.support.nemo_double import NemoDouble
from tests.support.nemo_jobs import LARGE, MEDIUM, SMALL, called, classified, headlines
from tests.support.records import real_file, write_lines
from tests.support.running import APPROVER

THREE = (SMALL, MEDIUM, LARGE)
JOBS = frozenset({"customization", "evaluation", "deployment", "dataset", "model"})


def with_three_candidates(settings: Settings, gpus: int = 1) -> Settings:
    """One more candidate on the double, so many GPUs to train and as many to serve.

    One person may approve, and the worker is in a hurry.
    """
    first = settings.nims[0]
    training = first.customizer_configs
    assert training is not None
    more = first.model_copy(
        update={
            "model_name": MEDIUM,
            "customizer_configs": training.model_copy(update={"target": f"{MEDIUM}@2.0"}),
        }
    )
    approval = settings.approval_config.model_copy(update={"approvers": [APPROVER.id]})
    return settings.model_copy(
        update={
            "nims": [first, more, *settings.nims[1:]],
            "approval_config": approval,
            "nmp_config": settings.nmp_config.model_copy(
                update={
                    "poll_seconds": 0.0,
                    "gpu_budget": {"training": gpus, "inference": gpus},
                }
            ),
            "worker_config": settings.worker_config.model_copy(update={"poll_seconds": 0.05}),
        }
    )


def write_log_of(
    path: Path,
    make: Callable[[str, str, int], dict[str, Any]] = classified,
    records: int = 240,
    workload: str = "news",
) -> Path:
    """A log whose records are answered in one way: by labels, by tools, in words."""
    made = (make(text, label, number) for number, (text, label) in enumerate(headlines(records)))
    return write_lines(path, *({**one, "workload_id": workload} for one in made))


def write_calls(path: Path) -> Path:
    """Made-up tool calls, which a student learns well."""
    return write_log_of(path, called)


def real_calls(path: Path, records: int = 200) -> Path:
    """The first real records of the Berkeley leaderboard that choose between several tools."""
    with gzip.open(real_file("tool_calls_bfcl.jsonl.gz")) as file:
        lines: Iterable[bytes] = (line for line in file if b'"tool_live_multiple"' in line)
        return write_lines(
            path,
            *({**orjson.loads(line), "workload_id": "news"} for line in islice(lines, records)),
        )


def twice(double: NemoDouble) -> dict[tuple[str, str], int]:
    """What was made more than once, and how often."""
    effects = Counter(one for one in double.world.journal if one[0] in JOBS)
    return {effect: n for effect, n in effects.items() if n > 1}


def busy(double: NemoDouble) -> list[str]:
    """What runs or is held at this moment."""
    world = double.world
    active = {"created", "pending", "running", "cancelling"}
    return [
        *(f"deployment {name}" for name in list(world.deployments)),
        *(
            f"{job['status']} {job.get('name') or job.get('description')}"
            for jobs in (world.customizations, world.evaluations)
            for job in list(jobs.values())
            if job["status"] in active
        ),
        *(f"GPUs of {who}" for who in list(world.gpus_used)),
        *(["a request for a change"] if double.changing else []),
    ]
