"""A run's datasets in NeMo: files in the Data Store, registered in the Entity Store."""

import asyncio
import hashlib
from pathlib import Path

from flywheel.adapters.nemo import names
from flywheel.adapters.nemo.background import Background
from flywheel.adapters.nemo.book import Book, Note, RunFiles
from flywheel.adapters.nemo.client import NemoClient
from flywheel.adapters.nemo.facts import facts_of, read_lines
from flywheel.adapters.nemo.hub import Datastore
from flywheel.errors import ConflictError, DataError, NotFoundError
from flywheel.ports.platform import DatasetFiles, JobStatus, UploadJob

TRAINING, VALIDATION, EVALUATION = "training/train.jsonl", "validation/val.jsonl", "eval.jsonl"


class Datasets:
    """Uploads in the background: the files of a large run take minutes."""

    def __init__(
        self, client: NemoClient, hub: Datastore, book: Book, background: Background
    ) -> None:
        self._client, self._hub, self._book, self._background = client, hub, book, background

    async def find(self, job: UploadJob) -> str | None:
        """The run's evaluation dataset, which is registered last."""
        name = names.eval_dataset(job.run_uid)
        return name if await self._registered(name) else None

    async def advance(self, job: UploadJob, note: Note) -> JobStatus:  # noqa: ARG002
        """Upload what is not there; completed once both datasets are registered."""
        if not self._background.started(job.name):
            self._background.start(job.name, self._upload(job), lambda: self._book.unwanted(job))
        if not self._background.done(job.name):
            return JobStatus(state="running", percent=10, message="uploading the datasets")
        self._background.result(job.name)  # or what it raised
        return JobStatus(
            state="completed", percent=100, message="uploaded", datasets=self.uris(job)
        )

    async def cancel(self, job: UploadJob) -> bool:
        """Stop uploading; what is there is removed with the run."""
        return await self._background.stop(job.name)

    def uris(self, job: UploadJob) -> DatasetFiles:
        """Where the files are in NeMo."""
        train = names.files_url(self._client.namespace, names.train_dataset(job.run_uid))
        evaluation = names.files_url(self._client.namespace, names.eval_dataset(job.run_uid))
        return DatasetFiles(
            train=f"{train}/{TRAINING}",
            val=f"{train}/{VALIDATION}",
            eval=f"{evaluation}/{EVALUATION}",
            labels=job.datasets.labels,
        )

    async def _upload(self, job: UploadJob) -> None:
        files = await asyncio.to_thread(_look, job.datasets)
        await self._book.keep_files(job.run_uid, files)
        await self._client.need_namespace()
        local = {key: Path(getattr(job.datasets, key)) for key in ("train", "val", "eval")}
        training = {TRAINING: local["train"]}
        if (
            local["val"].stat().st_size
        ):  # Customizer takes a tenth of the rest where it is not there
            training[VALIDATION] = local["val"]
        await self._put(names.train_dataset(job.run_uid), job, training)
        await self._put(names.eval_dataset(job.run_uid), job, {EVALUATION: local["eval"]})

    async def _put(self, name: str, job: UploadJob, files: dict[str, Path]) -> None:
        if await self._registered(name):
            return
        namespace = self._client.namespace
        await self._hub.put(f"{namespace}/{name}", files)
        digest = await asyncio.to_thread(_digest, list(files.values()))
        try:
            # Another call finds it there: safe to repeat.
            await self._client.read(
                f"the dataset {name}",
                lambda: self._client.sdk.datasets.create(
                    name=name,
                    namespace=namespace,
                    files_url=names.files_url(namespace, name),
                    description=f"{job.workload_id}, for flywheel",
                    custom_fields={**names.marks(job.name, job.run_uid), "sha256": digest},
                ),
            )
        except ConflictError:
            return

    async def _registered(self, name: str) -> bool:
        try:
            await self._client.read(
                f"the dataset {name}",
                lambda: self._client.sdk.datasets.retrieve(name, namespace=self._client.namespace),
            )
        except NotFoundError:
            return False
        return True


def _look(datasets: DatasetFiles) -> RunFiles:
    try:
        with Path(datasets.train).open("rb") as file:
            train_records = sum(1 for _ in file)
        facts = facts_of(read_lines(datasets.eval))
    except FileNotFoundError as error:
        raise DataError(
            f"The dataset {error.filename} is not there.", "Start the run again to build it anew."
        ) from error
    return RunFiles(local=datasets, train_records=train_records, facts=facts)


def _digest(paths: list[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()
