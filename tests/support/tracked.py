"""What MLflow shows of a run, and the checks of it that hold for any tracking server."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from flywheel.service import receipts, runs
from flywheel.service.tracking import track_run
from flywheel.settings import Settings
from flywheel.settings.sections import MlflowConfig
from flywheel.wiring import open_backends
from tests.support.running import ANALYST


def tracked(settings: Settings, uri: str, location: str = "./mlruns") -> Settings:
    """The settings with MLflow at that address."""
    config = MlflowConfig(enabled=True, tracking_uri=uri, artifact_location=location)
    return settings.model_copy(update={"mlflow_config": config})


def found(client: MlflowClient, workload: str = "news") -> list[Run]:
    """The runs in the experiment of the workload, the first first."""
    experiment = client.get_experiment_by_name(f"data-flywheel-{workload}")
    if experiment is None:
        return []
    return list(client.search_runs([experiment.experiment_id], order_by=["attributes.start_time"]))


def read(client: MlflowClient, run: Run, path: str, scratch: Path) -> bytes:
    """One of its files."""
    scratch.mkdir(exist_ok=True)
    return Path(client.download_artifacts(run.info.run_id, path, str(scratch))).read_bytes()


async def check_a_completed_run_is_tracked(settings: Settings, uri: str, scratch: Path) -> None:
    """Of the kept run r-1: every evaluation is there once, in full; deletion follows."""
    client = MlflowClient(tracking_uri=uri)
    async with open_backends(settings, with_queue=False) as backends:
        before = await runs.get_run(backends, "r-1")
        for _ in range(2):  # again is the same as once
            await track_run(backends, 1)
        view = await runs.get_run(backends, "r-1")
        evaluations = [(c, e) for c in view.nims for e in c.evaluations]
        written = await asyncio.to_thread(found, client)
        assert len(written) == len(evaluations) == 4
        by_key = {
            (r.data.tags["flywheel.model"], r.data.tags["flywheel.eval_type"]): r for r in written
        }
        for candidate, evaluation in evaluations:
            run = by_key[candidate.model_name, evaluation.eval_type]
            assert run.info.status == "FINISHED"
            assert evaluation.mlflow_uri is not None
            assert evaluation.mlflow_uri.endswith(run.info.run_id)
            await asyncio.to_thread(_check, client, run, evaluation.model_dump(), scratch)
            (held,) = [d for d in before.datasets if d.name == "eval"]
            assert run.data.tags["flywheel.sha256.eval"] == held.digest
            named = {d.dataset.name: d.dataset.digest for d in run.inputs.dataset_inputs}
            assert named == {d.name: d.digest[:36] for d in before.datasets}
            receipt = await receipts.receipt_of(backends, "r-1")
            stored = await asyncio.to_thread(read, client, run, "receipt.json", scratch)
            assert stored.decode() == receipt
        tuned = by_key["tfidf-logreg", "customized-eval"]
        assert tuned.data.params["classifier"] == "logistic regression"
        assert tuned.data.tags["flywheel.verdict"] == "promote"
        assert "flywheel.verdict" not in by_key["tfidf-logreg", "base-eval"].data.tags

        assert await runs.delete_run(backends, "r-1", ANALYST) == []
    assert await asyncio.to_thread(found, client) == []


def _check(client: MlflowClient, run: Run, evaluation: dict[str, Any], scratch: Path) -> None:
    scores = evaluation["detail"]
    assert run.data.metrics["macro_f1"] == scores["macro_f1"]["value"]
    assert run.data.metrics["macro_f1_low"] == scores["macro_f1"]["low"]
    assert run.data.metrics["n"] == 100
    for one in scores["per_class"]:
        assert run.data.metrics[f"f1/{one['label']}"] == one["f1"]
    table = orjson.loads(read(client, run, "answers.json", scratch))
    assert len(table["data"]) == 100
    correct = [row for row in table["data"] if row[2] == row[4]]  # expected and label
    assert len(correct) / 100 == scores["accuracy"]["value"]
    assert orjson.loads(run.data.tags["mlflow.loggedArtifacts"])[0]["path"] == "answers.json"
    pictures = [f.path for f in client.list_artifacts(run.info.run_id, "pictures")]
    assert "pictures/confusion.png" in pictures
    assert read(client, run, "pictures/confusion.png", scratch).startswith(b"\x89PNG")
