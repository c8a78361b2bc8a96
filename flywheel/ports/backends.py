"""Everything a service needs, chosen once from settings (see flywheel.wiring)."""

from dataclasses import dataclass

from flywheel.db.engine import Database
from flywheel.ports.language_model import LanguageModel
from flywheel.ports.logs import LogStore
from flywheel.ports.platform import Platform
from flywheel.ports.queue import Queue
from flywheel.ports.tracking import Tracker
from flywheel.settings import Settings


@dataclass(frozen=True)
class Backends:
    """The adapters in use."""

    settings: Settings
    database: Database
    logs: LogStore
    platform: Platform
    queue: Queue
    tracker: Tracker | None = None  # of evaluations, where one is set
    language_model: LanguageModel | None = None  # None: answers are deterministic
    # Workloads that do not exist for whoever these are for; see flywheel.service.visibility.
    hidden: frozenset[str] = frozenset()
