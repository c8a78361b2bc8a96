"""`flywheel schedule`, in a home with a log."""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.programs import flywheel_each


@pytest.fixture
def copy(home: Path, tmp_path: Path) -> Path:
    """A home of our own with the same log."""
    shutil.copytree(home, tmp_path / "home", ignore=shutil.ignore_patterns("*.sock"))
    return tmp_path / "home"


def test_schedules_are_made_listed_paused_and_removed(copy: Path) -> None:
    monday = "every monday 06:00 Europe/London"
    none, made, records, listed, as_json, paused, resumed, removed, wrong = flywheel_each(
        copy,
        (["schedule", "list"], {}),
        (["schedule", "add", "news", monday, "--limit", "90", "--set", "epochs=2"], {}),
        (["schedule", "add", "news", "when 5000 new records"], {}),
        (["schedule", "list"], {}),
        (["schedule", "list", "news", "--json"], {}),
        (["schedule", "pause", "s-1"], {}),
        (["schedule", "resume", "1"], {}),
        (["schedule", "remove", "s-2"], {}),
        (["schedule", "add", "news", "every mnday"], {}),
    )
    assert "There is no schedule." in none.stdout
    assert "s-1 starts a run of news every Monday at 06:00 Europe/London. Next: " in made.stdout
    assert made.stdout.count("06:00 Europe/London") == 2
    assert "s-2 starts a run of news when 5,000 new records. Next: 0 of 5,000" in records.stdout
    heading, first, second = listed.stdout.splitlines()
    assert heading.split()[:2] == ["schedule", "workload"]
    assert first.split()[:2] == ["s-1", "news"]
    assert "06:00 UTC)" in first or "05:00 UTC)" in first, "on its own clock and in UTC"
    assert "cli:" in first
    assert "0 of 5,000 new records" in second
    views = json.loads(as_json.stdout)
    assert [view["id"] for view in views] == ["s-1", "s-2"]
    assert views[0]["asks"] == {"limit": 90, "epochs": "2"}
    assert paused.stdout == "s-1 is paused. Go on: flywheel schedule resume s-1\n"
    assert resumed.stdout.startswith("s-1 goes on. Next: ")
    assert removed.stdout == "s-2 is removed; its runs stay.\n"
    assert wrong.returncode == 2
    assert "Did you mean monday?" in wrong.stderr
