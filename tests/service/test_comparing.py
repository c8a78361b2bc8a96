"""Two runs side by side: better or worse is said only where the records are the same."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from flywheel.db.models import Run
from flywheel.decisions.comparison import sentences
from flywheel.errors import ConflictError, InvalidInputError, NotFoundError
from flywheel.ports.backends import Backends
from flywheel.service.comparing import compare_runs
from flywheel.service.runs import get_run
from flywheel.settings import Settings
from flywheel.wiring import open_backends
from tests.support.scored_runs import CLASSES, add_run


def poor(row: int) -> tuple[str, str | None]:
    """A candidate that is wrong in every second record."""
    return CLASSES[row % 3], CLASSES[(row + row % 2) % 3]


def good(row: int) -> tuple[str, str | None]:
    """One that is wrong in three of sixty."""
    return CLASSES[row % 3], CLASSES[(row + (row % 20 == 0)) % 3]


@pytest.fixture
async def backends(settings: Settings, tmp_path: Path) -> AsyncIterator[Backends]:
    async with open_backends(settings, with_queue=False) as opened:
        await add_run(opened, tmp_path, poor)
        yield opened


async def test_on_the_same_records_better_and_worse_are_said(
    backends: Backends, tmp_path: Path
) -> None:
    await add_run(backends, tmp_path, good, seed=8, epochs=9)
    found = await compare_runs(backends)
    assert (found.older.run_id, found.newer.run_id) == ("r-1", "r-2")
    assert found.same_records
    (sides,) = found.candidates
    assert sides.shift is not None
    assert sides.shift.change == "improved"
    assert sides.newer is not None
    assert sides.older is not None
    moved = sides.newer.interval.value - sides.older.interval.value
    assert sides.shift.low < moved < sides.shift.high
    said = " ".join(sentences(found))
    assert "r-1 and r-2 were scored on the same 60 evaluation records." in said
    assert f"hashing-sgd is better by {moved:.3f} (95 %" in said
    assert [(s.name, s.newer) for s in found.settings] == [("training_config.epochs", "9")]
    assert (found.older.seed, found.newer.seed) == (7, 8)

    back = await compare_runs(backends, "r-1", "r-2")
    assert back == found, "the older run stands first however they are named"
    assert (await get_run(backends, "r-2")).previous_run == "r-1"
    assert (await get_run(backends, "r-1")).previous_run is None


async def test_on_other_records_nothing_is_claimed(backends: Backends, tmp_path: Path) -> None:
    await add_run(backends, tmp_path, good, digest="1")
    found = await compare_runs(backends, "r-2")
    assert not found.same_records
    assert [sides.shift for sides in found.candidates] == [None]
    said = " ".join(sentences(found))
    assert "a difference between them can come from the records alone" in said
    assert "better" not in said


async def test_the_same_answers_show_no_change(backends: Backends, tmp_path: Path) -> None:
    await add_run(backends, tmp_path, poor)
    said = " ".join(sentences(await compare_runs(backends)))
    assert "No change is shown for hashing-sgd" in said


async def test_what_cannot_be_compared_is_explained(backends: Backends, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no completed run of the workload before r-1"):
        await compare_runs(backends)
    with pytest.raises(InvalidInputError, match="with itself"):
        await compare_runs(backends, "r-1", "1")
    await add_run(backends, tmp_path, good, workload_id="sports")
    with pytest.raises(ConflictError, match="r-1 is of news and r-2 of sports"):
        await compare_runs(backends, "r-2", "r-1")
    async with backends.database.transaction() as session:
        (await session.get_one(Run, 2)).status = "failed"
    with pytest.raises(ConflictError, match="r-2 is failed"):
        await compare_runs(backends, "r-2", "r-1")
