"""`flywheel show RUN --plots DIR`: the files, what is printed, what goes wrong."""

import json
from pathlib import Path

import pytest

from tests.support.programs import Finished, flywheel_each

FILES = [
    f"r-1-{name}.{ending}"
    for name in ("scores", "cost", "confusion", "classes")
    for ending in ("png", "svg")
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is not there yet."""
    return tmp_path_factory.mktemp("plots") / "deep" / "below"


@pytest.fixture(scope="module")
def shown(home: Path, folder: Path) -> list[Finished]:
    """With the page, as JSON, and into what is no folder."""
    return flywheel_each(
        home,
        (["show", "r-1", "--plots", str(folder)], {}),
        (["show", "last", "--json", "--plots", str(folder)], {}),
        (["show", "r-1", "--plots", "/dev/null"], {}),
        (["show", "r-99", "--plots", str(folder)], {}),
    )


def test_the_files_are_written_and_named(shown: list[Finished], folder: Path) -> None:
    done = shown[0]
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-8:] == [str(folder / name) for name in FILES]
    assert "Verdict: promote." in done.stdout
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    for path in folder.glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    scores = (folder / "r-1-scores.svg").read_text()
    assert "hashing-sgd" in scores
    assert "r-1 · news · 120 held-out records · 95 % intervals" in scores


def test_the_json_stands_alone(shown: list[Finished], folder: Path) -> None:
    done = shown[1]
    assert done.returncode == 0
    assert json.loads(done.stdout)["recommendation"]["pareto"] == ["hashing-sgd"]
    assert done.stderr.splitlines() == [str(folder / name) for name in FILES]


def test_a_folder_that_cannot_be_made(shown: list[Finished]) -> None:
    done = shown[2]
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: The pictures cannot be written to /dev/null: File exists.\n"
        "--plots names a folder that you may write to.\n"
    )


def test_a_run_that_is_not_there(shown: list[Finished]) -> None:
    assert shown[3].returncode == 3
    assert "There is no run r-99." in shown[3].stderr


def test_what_a_run_has_no_data_for_is_said(log: Path, tmp_path: Path) -> None:
    *_, done = flywheel_each(
        tmp_path / "home",
        (["logs", "import", str(log)], {}),
        (["run", "news"], {}),  # and no worker
        (["show", "r-1", "--plots", str(tmp_path / "none")], {}),
    )
    assert done.returncode == 0
    assert done.stdout.splitlines()[-4:] == [
        f"Left out: {name}. No candidate of r-1 has scores; the run is pending."
        for name in ("scores", "cost", "confusion", "classes")
    ]
    assert list((tmp_path / "none").iterdir()) == []
