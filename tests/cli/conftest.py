"""One home with one finished run, shared by the tests that only look at it."""

from pathlib import Path

import pytest

from tests.support.programs import Finished, flywheel
from tests.support.running import write_log


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log that is easy to learn."""
    return write_log(tmp_path_factory.mktemp("log") / "log.jsonl", 400)


@pytest.fixture(scope="session")
def imported(tmp_path_factory: pytest.TempPathFactory, log: Path) -> tuple[Path, Finished]:
    """A home, and what its import said."""
    home = tmp_path_factory.mktemp("home")
    return home, flywheel(home, "logs", "import", str(log))


@pytest.fixture(scope="session")
def finished_run(imported: tuple[Path, Finished]) -> tuple[Path, Finished]:
    """The home after `run … --wait`, and what that said."""
    home, _ = imported
    words = ("--eval-size", "120", "--seed", "5", "--candidates", "hashing-sgd", "--wait")
    return home, flywheel(home, "run", "news", *words)


@pytest.fixture(scope="session")
def home(finished_run: tuple[Path, Finished]) -> Path:
    """The home with run r-1 finished."""
    return finished_run[0]
