"""`flywheel eval-set`, on a copy of the home with a finished run."""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.programs import flywheel_each


@pytest.fixture
def copy(home: Path, tmp_path: Path) -> Path:
    """A home of our own, in which the same run is finished."""
    shutil.copytree(home, tmp_path / "home", ignore=shutil.ignore_patterns("*.sock"))
    return tmp_path / "home"


def test_a_set_is_frozen_listed_and_released(copy: Path) -> None:
    none, frozen, listed, as_json, released, again, listed_after = flywheel_each(
        copy,
        (["eval-set", "list"], {}),
        (["eval-set", "freeze", "last"], {}),
        (["eval-set", "list"], {}),
        (["eval-set", "list", "news", "--json"], {}),
        (["eval-set", "release", "news"], {}),
        (["eval-set", "release", "news"], {}),
        (["eval-set", "list"], {}),
    )
    assert "No evaluation set is frozen" in none.stdout
    assert "The 120 evaluation records of r-1 are frozen for news" in frozen.stdout
    (view,) = json.loads(as_json.stdout)
    assert f"sha256 {view['digest']}" in frozen.stdout
    assert Path(view["uri"]).exists()
    heading, row = listed.stdout.splitlines()
    assert heading.split()[0] == "workload"
    assert row.split()[:5] == ["news", "all", "r-1", "120", view["digest"][:12]]
    assert "its records are still not trained on" in released.stdout
    assert (again.returncode, again.stderr.splitlines()[0]) == (
        3,
        "error: No evaluation set of news is frozen.",
    )
    assert len(listed_after.stdout.splitlines()) == 2


def test_an_evaluation_size_is_a_number_or_auto(home: Path) -> None:
    (done,) = flywheel_each(home, (["run", "news", "--eval-size", "lots"], {}))
    assert done.returncode == 2
    assert done.stderr.startswith(
        "error: '--eval-size lots' is neither a whole number of at least 1 nor auto."
    )
