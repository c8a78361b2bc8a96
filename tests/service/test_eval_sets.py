"""Freezing evaluation sets, from the run that draws one to the runs that use it again."""

from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from flywheel.datasets.report import DatasetReport
from flywheel.errors import ConflictError, DataError, NotFoundError
from flywheel.ports.backends import Backends
from flywheel.service import eval_sets, runs
from flywheel.service.logs import import_files
from flywheel.settings import Settings
from flywheel.views import RunView
from flywheel.wiring import open_backends
from tests.support.running import ANALYST, APPROVER, ended, start, until, working, write_log


@pytest.fixture
async def backends(settings: Settings, tmp_path: Path) -> AsyncIterator[Backends]:
    async with open_backends(settings) as opened:
        log = write_log(tmp_path / "log.jsonl")
        await import_files(opened.logs, [log], reject_dir=tmp_path)
        yield opened


def file_of(view: RunView, name: str) -> Path:
    (found,) = [dataset.nmp_uri for dataset in view.datasets if dataset.name == name]
    assert found is not None
    return Path(found)


def asked(path: Path) -> set[str]:
    lines = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    return {line.get("request", line)["messages"][0]["content"] for line in lines}


async def finished(backends: Backends, **wishes: object) -> RunView:
    run = await start(backends, candidates=["hashing-sgd"], **wishes)
    view = await until(backends, run.id, ended)
    assert view.status == "completed", view.error
    return view


@pytest.mark.slow
async def test_later_runs_are_evaluated_on_the_frozen_set(backends: Backends) -> None:
    configured = {"expected_discordance": "0.1"}
    own = {"use_frozen": "false"}
    async with working(backends):
        first = await finished(backends, eval_size="auto", settings=configured)
        frozen = await eval_sets.freeze(backends, "last", ANALYST)
        assert await eval_sets.freeze(backends, first.id, APPROVER) == frozen  # already in force
        second = await finished(backends, random_seed=7, eval_size=20)
        await runs.delete_run(backends, first.id, ANALYST)
        third = await finished(backends, random_seed=8, settings=own)
        newer = await eval_sets.freeze(backends, third.id, ANALYST)
        released = await eval_sets.release(backends, "news", None, APPROVER)
        fourth = await finished(backends, random_seed=9, eval_size="auto")

    assert (frozen.run_id, frozen.records, frozen.frozen_by) == (first.id, 100, ANALYST.id)
    digests = [{d.name: d.digest for d in view.datasets}["eval"] for view in (first, second)]
    assert digests == [frozen.digest] * 2
    assert report_of(second).frozen is not None
    # The runs are comparable record by record now.
    assert second.recommendation is not None
    (regression,) = second.recommendation.regressions
    assert regression.paired
    held_back = asked(Path(frozen.uri))
    for view in (second, third, fourth):
        for name in ("train", "val"):
            assert not asked(file_of(view, name)) & held_back
    for view in (third, fourth):
        assert report_of(view).frozen is None
        assert not asked(file_of(view, "eval")) & held_back
    assert not asked(file_of(fourth, "train")) & asked(Path(newer.uri))
    # The newer one took over from the first, which is kept on record.
    assert released.digest == newer.digest
    listed = await eval_sets.eval_sets(backends, "news")
    assert [(view.digest, view.released_by) for view in listed] == [
        (newer.digest, APPROVER.id),
        (frozen.digest, ANALYST.id),
    ]
    # What 'auto' goes by.
    assert "differs from the teacher on 10 % of the records (as configured)" in notes_of(first)
    accuracy = third.nims[0].customized.accuracy.value if third.nims[0].customized else 0.0
    source = "assumed" if accuracy == 1 else f"as {third.id} saw"
    assert source in notes_of(fourth)

    file_of(fourth, "eval").write_bytes(b"{}\n")
    with pytest.raises(DataError, match="is not the file that was built"):
        await eval_sets.freeze(backends, fourth.id, ANALYST)


def report_of(view: RunView) -> DatasetReport:
    assert view.dataset_report is not None
    return view.dataset_report


def notes_of(view: RunView) -> str:
    return " ".join(report_of(view).notes)


async def test_what_cannot_be_frozen_or_released(backends: Backends) -> None:
    with pytest.raises(NotFoundError, match="no runs yet"):
        await eval_sets.freeze(backends, "last", ANALYST)
    with pytest.raises(NotFoundError, match="No evaluation set of news is frozen"):
        await eval_sets.release(backends, "news", None, ANALYST)
    run = await start(backends, candidates=["hashing-sgd"])
    with pytest.raises(ConflictError, match="has no evaluation set"):
        await eval_sets.freeze(backends, run.id, ANALYST)
