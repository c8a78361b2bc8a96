"""What the double knows: entities, jobs, deployments, GPUs, and a journal of every effect."""

import asyncio
import re
import secrets
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.support.nemo_double.clock import Clock, stamp
from tests.support.nemo_double.students import ServedModel

Trouble = Literal[
    "stuck",  # a customization makes no progress
    "training-fails",
    "never-synced",  # a customized model never shows up at the proxy
    "deployment-fails",
    "deployment-pending",
    "evaluation-fails",
    "evaluation-stuck",
    "no-rows",  # the archive of results has no rows
    "half-rows",  # every second row is missing
    "cancel-slow",  # a cancelled job goes on cancelling
]


@dataclass
class Durations:
    """How long things take, in the double's seconds."""

    training: float = 4.0
    sync: float = 1.0  # from the end of training until the proxy serves the model
    deployment: float = 2.0
    listing: float = 0.5  # from a deployment's READY until the proxy lists its model
    evaluation: float = 0.5  # with the answers, unless these take longer
    customized_evaluation: float | None = None  # of a fine-tuned model; None: like the others
    cancelling: float = 0.5
    answer: float = 0.0


@dataclass
class Repo:
    """A repository of the Data Store."""

    files: dict[str, bytes] = field(default_factory=dict)
    commits: int = 0


@dataclass
class World:
    """All state of one NeMo."""

    clock: Clock
    durations: Durations = field(default_factory=Durations)
    gpus: int = 8
    gpus_used: dict[str, int] = field(default_factory=dict)  # by who holds them
    targets: set[str] = field(default_factory=set)  # what Customizer can train; all where empty
    namespaces: set[str] = field(default_factory=set)
    datastore_namespaces: set[str] = field(default_factory=set)
    repos: dict[str, Repo] = field(default_factory=dict)  # by 'type/namespace/name'
    lfs: dict[str, bytes] = field(default_factory=dict)
    datasets: dict[str, dict[str, Any]] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    configs: dict[str, dict[str, Any]] = field(default_factory=dict)
    customizations: dict[str, dict[str, Any]] = field(default_factory=dict)
    evaluations: dict[str, dict[str, Any]] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)  # evaluation id -> (result, zip)
    deployments: dict[str, dict[str, Any]] = field(default_factory=dict)
    trained: dict[str, ServedModel] = field(default_factory=dict)  # by output model
    listed: set[str] = field(default_factory=set)  # models that the proxy serves
    asked: list[dict[str, Any]] = field(default_factory=list)  # bodies that the proxy got
    at_once: int = 0
    most_at_once: int = 0
    journal: list[tuple[str, str]] = field(default_factory=list)
    troubles: list[tuple[Trouble, str]] = field(default_factory=list)
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def trouble(self, kind: Trouble, pattern: str = "") -> None:
        """From now on this happens to everything whose name has the pattern."""
        self.troubles.append((kind, pattern))

    def has(self, kind: Trouble, name: str) -> bool:
        """Whether it happens to what is called so."""
        return any(one == kind and re.search(pattern, name) for one, pattern in self.troubles)

    def note(self, effect: str, name: str) -> None:
        """Write an effect into the journal."""
        self.journal.append((effect, name))

    def made(self, effect: str) -> list[str]:
        """The names of all that had this effect, in order."""
        return [name for one, name in self.journal if one == effect]

    def free(self) -> int:
        """GPUs that nobody holds."""
        return self.gpus - sum(self.gpus_used.values())

    def start(self, key: str, work: Coroutine[Any, Any, None]) -> None:
        """Do work in the background; it ends with the thing that it belongs to."""
        self.tasks[key] = asyncio.get_running_loop().create_task(work)

    def stop(self, key: str) -> None:
        """End that work, and give back its GPUs."""
        task = self.tasks.pop(key, None)
        if task is not None:
            task.cancel()
        self.gpus_used.pop(key, None)


def new_id(prefix: str) -> str:
    """An id as NeMo makes them."""
    return f"{prefix}-{secrets.token_urlsafe(12).replace('_', 'a').replace('-', 'b')}"


def entity(body: dict[str, Any], prefix: str) -> dict[str, Any]:
    """A body with what NeMo adds to it."""
    now = stamp()
    return {"id": new_id(prefix), **body, "created_at": now, "updated_at": now}
