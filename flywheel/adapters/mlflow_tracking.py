"""MLflow: every evaluation is a run there, in the experiment of its workload.

The client is mlflow-skinny. It blocks, so all of it happens in threads.
"""

import asyncio
import os
import tempfile
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import orjson

from flywheel.errors import ConflictError, FlywheelError, SettingsError, UnavailableError
from flywheel.ports.platform import Leftover
from flywheel.ports.tracking import TrackedDataset, TrackedEvaluation, TrackedTable
from flywheel.settings.sections import MlflowConfig

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput, Run
    from mlflow.tracking import MlflowClient

KEY = "flywheel.evaluation"
RUN = "flywheel.run_uid"
_ANSWERS = "answers.json"
_DIGEST = 36  # characters of a dataset's digest that MLflow takes; a tag has all of it
_PARAMETER = 6000  # characters of a parameter's value that MLflow takes
_PAGE = 1000
_DEFAULTS = {
    # Nobody's business but the firm's.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # A server that is away is tried again later, so nobody has to wait for it now.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
}

T = TypeVar("T")


class MlflowTracker:
    """Implements `flywheel.ports.tracking.Tracker`.

    Raises SettingsError where the extra is not installed.
    """

    name = "MLflow"

    def __init__(self, config: MlflowConfig) -> None:
        if find_spec("mlflow") is None:
            raise SettingsError(
                "mlflow_config is enabled, and that needs an extra which is not installed.",
                "Install it: pip install 'flywheel[mlflow]'.",
            )
        self._config = config
        self._client: MlflowClient | None = None
        self._lock = threading.Lock()  # its first use migrates a database of its own, if any

    async def track(self, evaluation: TrackedEvaluation) -> str:
        """Make the run, or complete one that was begun."""
        return await self._do(lambda client: self._track(client, evaluation))

    async def remove(self, run_uid: str) -> list[Leftover]:
        """Delete the runs; MLflow keeps deleted ones until `mlflow gc`."""

        def work(client: "MlflowClient") -> list[Leftover]:
            for run in self._runs(client, f"tags.`{RUN}` = '{run_uid}'"):
                client.delete_run(run.info.run_id)
            return []

        try:
            return await self._do(work)
        except FlywheelError as error:
            return [Leftover(kind="tracked", name=self.name, run_uid=run_uid, why=str(error))]

    async def leftovers(self, run_uids: Collection[str]) -> Sequence[Leftover]:
        """Runs of ours there, of runs that are no more."""

        def work(client: "MlflowClient") -> list[Leftover]:
            return [
                Leftover(kind="tracked", name=str(run.info.run_name), run_uid=run.data.tags[RUN])
                for run in self._runs(client, "")
                if run.data.tags.get(RUN, "") not in {"", *run_uids}
            ]

        return await self._do(work)

    async def ping(self) -> str:
        """What answers, and how many experiments are ours."""
        number = len(await self._do(self._experiments))
        return f"{self._where}, {number} experiments {self._config.experiment_name_prefix}-*"

    async def _do(self, work: Callable[["MlflowClient"], T]) -> T:
        return await asyncio.to_thread(self._work, work)

    def _work(self, work: Callable[["MlflowClient"], T]) -> T:
        for name, value in _DEFAULTS.items():
            os.environ.setdefault(name, value)
        from mlflow.exceptions import MlflowException  # half a second to import
        from mlflow.tracking import MlflowClient
        from requests import RequestException

        try:
            with self._lock:
                if self._client is None:
                    self._client = MlflowClient(tracking_uri=self._config.tracking_uri)
            return work(self._client)
        except (RequestException, OSError) as error:
            raise self._unavailable(error) from error
        except MlflowException as error:
            if isinstance(error.__context__, OSError | RequestException) or "API request to" in str(
                error
            ):
                raise self._unavailable(error) from error
            said = str(error).splitlines()[0]
            raise FlywheelError(f"MLflow at {self._where} refused: {said}") from error

    @property
    def _where(self) -> str:
        """The address, without the user and password that may be in it."""
        uri = urlsplit(self._config.tracking_uri)
        return uri._replace(netloc=uri.netloc.rpartition("@")[2]).geturl()

    def _unavailable(self, error: Exception) -> UnavailableError:
        kind = type(error).__name__
        return UnavailableError(
            f"MLflow at {self._where} does not answer ({kind}).",
            "Check mlflow_config.tracking_uri, and that the server runs.",
        )

    def _experiments(self, client: "MlflowClient") -> list[str]:
        found, token = [], None
        while True:
            page = client.search_experiments(max_results=_PAGE, page_token=token)
            prefix = f"{self._config.experiment_name_prefix}-"
            found += [one.experiment_id for one in page if one.name.startswith(prefix)]
            token = page.token
            if not token:
                return found

    def _runs(self, client: "MlflowClient", condition: str) -> Iterator["Run"]:
        experiments = self._experiments(client)
        token = None
        while experiments:
            page = client.search_runs(
                experiments, filter_string=condition, max_results=_PAGE, page_token=token
            )
            yield from list(page)
            token = page.token
            if not token:
                return

    def _experiment(self, client: "MlflowClient", workload: str) -> str:
        """Of the workload, made where it is not there."""
        name = f"{self._config.experiment_name_prefix}-{workload}"
        found = client.get_experiment_by_name(name)
        if found is None:
            return str(client.create_experiment(name, artifact_location=self._artifacts(name)))
        if found.lifecycle_stage == "deleted":
            raise ConflictError(
                f"The MLflow experiment {name} was deleted, and its name is not free.",
                f"Restore it: mlflow experiments restore -x {found.experiment_id}.",
            )
        return str(found.experiment_id)

    def _artifacts(self, name: str) -> str | None:
        """A folder of ours means nothing to a server elsewhere: that one has its own."""
        location = self._config.artifact_location
        if "://" not in location and not location.startswith("/"):
            return None
        return f"{location.rstrip('/')}/{name}"

    def _track(self, client: "MlflowClient", evaluation: TrackedEvaluation) -> str:
        from mlflow.entities import Metric, Param

        experiment = self._experiment(client, evaluation.workload_id)
        begun = client.search_runs(
            [experiment], filter_string=f"tags.`{RUN}` = '{evaluation.run_uid}'", max_results=_PAGE
        )
        run = next((one for one in begun if one.data.tags.get(KEY) == evaluation.key), None)
        if run is None:
            run = client.create_run(
                experiment,
                start_time=_milliseconds(evaluation.started_at),
                tags={
                    **evaluation.tags,
                    KEY: evaluation.key,
                    RUN: evaluation.run_uid,
                    "mlflow.note.content": evaluation.description,
                    "mlflow.loggedArtifacts": _said_of(evaluation.answers),
                },
                run_name=evaluation.name,
            )
        run_id = str(run.info.run_id)
        if run.info.status != "FINISHED":
            at = _milliseconds(evaluation.finished_at)
            client.log_batch(
                run_id,
                metrics=[Metric(name, value, at, 0) for name, value in evaluation.metrics.items()],
                params=[
                    Param(name, str(value)[:_PARAMETER])
                    for name, value in evaluation.parameters.items()
                ],
            )
            client.log_inputs(run_id, datasets=[_dataset(one) for one in evaluation.datasets])
            client.log_text(run_id, _table(evaluation.answers), _ANSWERS)
            for path, content in evaluation.files.items():
                _log_file(client, run_id, path, content)
            client.set_terminated(run_id, "FINISHED", at)
        if not self._config.tracking_uri.startswith("http"):
            return f"runs:/{run_id}"
        return f"{self._where.rstrip('/')}/#/experiments/{experiment}/runs/{run_id}"


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _said_of(table: TrackedTable) -> str:
    """What makes MLflow show the file as a table."""
    return orjson.dumps([{"path": _ANSWERS, "type": "table"}] if table.rows else []).decode()


def _table(table: TrackedTable) -> str:
    return orjson.dumps({"columns": table.columns, "data": table.rows}).decode()


def _dataset(dataset: TrackedDataset) -> "DatasetInput":
    from mlflow.entities import Dataset, DatasetInput, InputTag

    profile = orjson.dumps({"num_rows": dataset.num_records, "sha256": dataset.digest}).decode()
    entity = Dataset(
        name=dataset.name,
        digest=dataset.digest[:_DIGEST],
        source_type="local",
        source=orjson.dumps({"uri": dataset.uri}).decode(),
        profile=profile,
    )
    return DatasetInput(entity, [InputTag("mlflow.data.context", dataset.name)])


def _log_file(client: "MlflowClient", run_id: str, path: str, content: bytes) -> None:
    target = PurePosixPath(path)
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / target.name
        file.write_bytes(content)
        folder = str(target.parent) if target.parent != PurePosixPath() else None
        client.log_artifact(run_id, str(file), folder)
