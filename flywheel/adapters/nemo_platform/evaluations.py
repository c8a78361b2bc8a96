"""Evaluations on NeMo Platform: serve the model, have the Evaluator ask it, keep the answers."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from flywheel.adapters.nemo_platform import evaluator, filesets, names
from flywheel.adapters.nemo_platform.client import NemoPlatformClient
from flywheel.adapters.nemo_platform.customizations import never_started, status_of
from flywheel.adapters.nemo_platform.serving import Serving
from flywheel.adapters.nemo_platform.wire import STATES
from flywheel.errors import DataError, InvalidInputError, NotFoundError, UnavailableError
from flywheel.ports.platform import EvaluateJob, JobStatus, PredictionRow
from flywheel.settings import NemoPlatformConfig


class Evaluations:
    """One Evaluator job each. `root` holds what was answered: `<run>/<job>/predictions.jsonl`."""

    def __init__(
        self,
        client: NemoPlatformClient,
        serving: Serving,
        config: NemoPlatformConfig,
        root: Path,
    ) -> None:
        self._client = client
        self._serving = serving
        self._config = config
        self._root = root

    async def start(self, job: EvaluateJob) -> None:
        """Upload the evaluation set and begin to serve the model."""
        if job.eval_type == "icl-eval":
            raise InvalidInputError(
                "NeMo Platform is not asked with examples in the prompt.",
                "It runs base-eval, customized-eval and incumbent-eval.",
            )
        fileset = names.eval_fileset(job.run_uid)
        await filesets.upload(self._client, fileset, "eval.jsonl", Path(job.datasets.eval))
        await self._serving.start(job)
        await asyncio.to_thread(_touch, self._directory(job) / "started")

    async def poll(self, job: EvaluateJob) -> JobStatus:
        """How it stands; moves it on from serving the model to asking it."""
        found = await self._client.job("evaluate", names.external(job.name))
        if found is not None:
            status = status_of(found)
            if status.state in {"failed", "cancelled"}:
                await self._serving.stop(job)
            return status
        started = await asyncio.to_thread(_modified, self._directory(job) / "started")
        if started is None:
            return never_started(job.name)
        try:
            waiting = await self._serving.waits_for(job)
        except UnavailableError as error:
            await self._serving.stop(job)
            return JobStatus(state="failed", error=str(error))
        if waiting is None:
            await self._submit(job)
            return JobStatus(state="running", message="asking the model")
        if time.time() - started > self._config.serving_seconds:
            await self._serving.stop(job)
            limit = f"{self._config.serving_seconds:g} s"
            return JobStatus(
                state="failed", error=f"The model cannot be asked after {limit}: {waiting}."
            )
        return JobStatus(state="running", message=waiting)

    async def cancel(self, job: EvaluateJob) -> bool:
        """Stop the asking, then the serving; True once both have ended."""
        name = names.external(job.name)
        found = await self._client.job("evaluate", name)
        if found is not None and STATES[found.status] == "running":
            if found.status != "cancelling":
                await self._client.cancel("evaluate", name)
            return False
        return await self._serving.stop(job)

    async def predictions(self, job: EvaluateJob) -> list[PredictionRow]:
        """The answers, read once and kept; the model is not served any more after that."""
        path = self._directory(job) / "predictions.jsonl"
        kept = await asyncio.to_thread(_read_predictions, path)
        if kept is not None:
            return kept
        requests = await asyncio.to_thread(_read_requests, Path(job.datasets.eval))
        name = names.external(job.name)
        found = await self._client.job("evaluate", name)
        if found is None or found.status != "completed":
            raise NotFoundError(
                f"The evaluation '{job.name}' has no answers yet.", "Wait until it is complete."
            )
        rows = await evaluator.predictions(
            self._client,
            name,
            self._serving.model(job),
            requests,
            self._config.parallel_requests,
        )
        await asyncio.to_thread(_write_predictions, path, rows)
        await self._serving.stop(job)
        return rows

    async def _submit(self, job: EvaluateJob) -> None:
        spec = evaluator.spec(
            self._client.file_ref(names.eval_fileset(job.run_uid), "eval.jsonl"),
            self._config.base_url.rstrip("/") + self._client.gateway,
            self._serving.model(job),
            self._config.parallel_requests,
        )
        await self._client.submit("evaluate", names.external(job.name), spec)

    def _directory(self, job: EvaluateJob) -> Path:
        return self._root / job.run_uid / names.external(job.name)


def _touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():  # the first start counts
        path.touch()


def _modified(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return None


def _read_requests(path: Path) -> dict[int, Mapping[str, Any]]:
    try:
        with path.open("rb") as file:
            return {row: orjson.loads(line)["request"] for row, line in enumerate(file)}
    except FileNotFoundError as error:
        raise DataError(
            f"The dataset {path} is not there.", "Start the run again to build it anew."
        ) from error


def _write_predictions(path: Path, rows: list[PredictionRow]) -> None:
    draft = path.with_suffix(".tmp")
    draft.write_bytes(b"".join(row.model_dump_json().encode() + b"\n" for row in rows))
    draft.replace(path)


def _read_predictions(path: Path) -> list[PredictionRow] | None:
    try:
        with path.open("rb") as file:
            return [PredictionRow.model_validate_json(line) for line in file]
    except FileNotFoundError:
        return None
