"""`flywheel compare`: two runs side by side, in words and as JSON."""

import asyncio
import json
from pathlib import Path

from flywheel.wiring import open_backends
from tests.support.programs import flywheel
from tests.support.running import settings_of
from tests.support.scored_runs import CLASSES, add_run


def labels(row: int) -> tuple[str, str | None]:
    return CLASSES[row % 3], CLASSES[(row + (row % 4 == 0)) % 3]


async def two_runs(home: Path, folder: Path) -> None:
    async with open_backends(settings_of(home), with_queue=False) as opened:
        for seed in (7, 8):
            await add_run(opened, folder, labels, seed=seed)


def test_two_runs_in_words_and_as_json(tmp_path: Path) -> None:
    home = tmp_path / "home"
    asyncio.run(two_runs(home, tmp_path))
    done = flywheel(home, "compare")
    assert done.returncode == 0, done.stderr
    assert "r-1 and r-2 were scored on the same 60 evaluation records." in done.stdout
    assert "no change shown" in done.stdout
    found = json.loads(flywheel(home, "compare", "r-2", "r-1", "--json").stdout)
    assert (found["older"]["seed"], found["newer"]["seed"]) == (7, 8)
