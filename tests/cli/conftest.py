"""One home with one finished run, shared by the tests that only look at it."""

from pathlib import Path

import pytest

from tests.support.programs import Finished, flywheel_each
from tests.support.running import write_log


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log that is easy to learn."""
    return write_log(tmp_path_factory.mktemp("log") / "log.jsonl", 400)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, log: Path) -> tuple[Path, Finished, Finished]:
    """A home, what `logs import` said, and what `run … --wait` said."""
    home = tmp_path_factory.mktemp("home")
    options = ("--eval-size", "120", "--seed", "5", "--candidates", "hashing-sgd", "--wait")
    imported, run = flywheel_each(
        home, (["logs", "import", str(log)], {}), (["run", "news", *options], {})
    )
    return home, imported, run


@pytest.fixture(scope="session")
def home(made: tuple[Path, Finished, Finished]) -> Path:
    """The home with run r-1 finished."""
    return made[0]
