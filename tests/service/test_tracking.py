"""Evaluations in MLflow: its own store in a file, and a server that is away."""

import asyncio
import logging
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient
from sqlmodel import select

from flywheel.db.models import Run
from flywheel.errors import ConflictError
from flywheel.service import runs
from flywheel.service.doctor import check
from flywheel.service.garbage import collect_garbage, leftovers
from flywheel.service.logs import import_files
from flywheel.service.tracking import track_due, track_run
from flywheel.settings import Settings
from flywheel.views import RunView
from flywheel.wiring import open_backends
from tests.support.running import (
    ANALYST,
    ended,
    settings_of,
    start,
    until,
    with_two_candidates,
    working,
    write_log,
)
from tests.support.tracked import check_a_completed_run_is_tracked, found, tracked

AWAY = "http://127.0.0.1:9"  # nobody listens on the port of `discard`


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that does not try again for long."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture
def kept(completed_home: Path, uri: str, tmp_path: Path) -> Settings:
    """The kept run, with MLflow."""
    settings = with_two_candidates(settings_of(completed_home))
    return tracked(settings, uri, str(tmp_path / "artifacts"))


@pytest.mark.slow
async def test_every_evaluation_is_written_once_and_deletion_follows(
    kept: Settings, uri: str, tmp_path: Path
) -> None:
    await check_a_completed_run_is_tracked(kept, uri, tmp_path / "scratch")


@pytest.mark.slow
async def test_a_worker_tracks_what_has_ended(settings: Settings, uri: str, tmp_path: Path) -> None:
    def everywhere(view: RunView) -> bool:
        return all(e.mlflow_uri for c in view.nims for e in c.evaluations)

    async with open_backends(tracked(settings, uri, str(tmp_path / "artifacts"))) as backends:
        await import_files(backends.logs, [write_log(tmp_path / "log.jsonl")], reject_dir=tmp_path)
        async with working(backends):
            run = await start(backends, candidates=["hashing-sgd"])
            await until(backends, run.id, ended)
        # Its worker has been stopped at once; what had ended is tracked before it goes.
        view = await runs.get_run(backends, run.id)
        assert everywhere(view), view.nims
        assert await track_due(backends) == 0
    assert len(found(MlflowClient(tracking_uri=uri))) == 2


@pytest.mark.slow
async def test_one_that_was_begun_is_completed_and_not_made_again(
    kept: Settings, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = MlflowClient(tracking_uri=uri)
    terminated = MlflowClient.set_terminated

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    async with open_backends(kept, with_queue=False) as backends:
        monkeypatch.setattr(MlflowClient, "set_terminated", dies)
        with pytest.raises(KeyboardInterrupt):
            await track_run(backends, 1)
        assert [r.info.status for r in found(client)] == ["RUNNING"]
        monkeypatch.setattr(MlflowClient, "set_terminated", terminated)
        await track_run(backends, 1)
    assert [r.info.status for r in found(client)] == ["FINISHED"] * 4


async def test_a_server_that_is_away_holds_up_nothing_and_is_asked_again(
    completed_home: Path, uri: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = with_two_candidates(settings_of(completed_home))
    async with open_backends(tracked(settings, AWAY), with_queue=False) as backends:
        async with backends.database.transaction() as session:
            run = (await session.exec(select(Run))).one()
            run.track_at = run.finished_at
        with caplog.at_level(logging.WARNING, "flywheel"):
            assert await asyncio.wait_for(track_due(backends), 20) == 0
        said = "r-1 could not be tracked, and will be later: MLflow at http://127.0.0.1:9"
        assert said in caplog.text
        assert await track_due(backends) == 0  # not at once
        (line,) = [part for part in await check(backends) if part.part == "tracking"]
        assert line.state == "failed"
        assert "mlflow_config.tracking_uri" in line.hint
        (left,) = await runs.delete_run(backends, "r-1", ANALYST)
        assert left.kind == "tracked"
        assert "does not answer" in left.why


@pytest.mark.slow
async def test_what_a_deleted_run_left_is_found_and_removed(kept: Settings, uri: str) -> None:
    client = MlflowClient(tracking_uri=uri)
    async with open_backends(kept, with_queue=False) as backends:
        await track_run(backends, 1)
        async with backends.database.transaction() as session:
            await session.delete((await session.exec(select(Run))).one())
        tracked_runs = [one for one in await leftovers(backends) if one.kind == "tracked"]
        assert len(tracked_runs) == len(found(client)) == 4
        assert (await collect_garbage(backends)).left == []
    assert found(client) == []


async def test_an_experiment_that_people_deleted_is_not_taken_for_ours(
    kept: Settings, uri: str
) -> None:
    client = MlflowClient(tracking_uri=uri)
    client.delete_experiment(client.create_experiment("data-flywheel-news"))
    async with open_backends(kept, with_queue=False) as backends:
        with pytest.raises(ConflictError, match="mlflow experiments restore"):
            await track_run(backends, 1)
