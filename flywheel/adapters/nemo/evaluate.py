"""Evaluator: one model's answers to the evaluation set.

Evaluator asks and scores, we take the answers out of its results; rows that are not there are
asked for through the NIM proxy, and so is everything where one template does not fit all rows.
"""

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Any

from flywheel.adapters.nemo import icl, names, tasks
from flywheel.adapters.nemo.ask import Answers, ask_all
from flywheel.adapters.nemo.background import Background
from flywheel.adapters.nemo.book import Book, Note, RunFiles
from flywheel.adapters.nemo.client import NemoClient
from flywheel.adapters.nemo.deploy import Nim
from flywheel.adapters.nemo.errors import NotTakenError
from flywheel.adapters.nemo.facts import read_lines
from flywheel.adapters.nemo.helpers import Helpers
from flywheel.adapters.nemo.prompting import Prompting
from flywheel.adapters.nemo.rows import rows_of
from flywheel.errors import ConflictError, FlywheelError, InvalidInputError, NotFoundError
from flywheel.formatting import duration
from flywheel.ports.platform import EvaluateJob, JobStatus, PredictionRow

ACTIVE = {"created", "pending", "running", "cancelling", "unknown"}


class Evaluations:
    """Evaluation jobs, and what they leave on this machine."""

    def __init__(
        self,
        client: NemoClient,
        book: Book,
        background: Background,
        helpers: Helpers,
        prompting: Prompting,
    ) -> None:
        self._client, self._book = client, book
        self._background, self._helpers, self._prompting = background, helpers, prompting

    async def find(self, job: EvaluateJob) -> str | None:
        """The id of the job in NeMo. Of two, from an answer that was lost, one is cancelled."""
        found = sorted(
            (one for one in await self.all(job.name) if _marked(one, job.name)), key=_created
        )
        for extra in found[1:]:
            await self.stop(str(extra.id))
        return str(found[0].id) if found else None

    async def all(self, job_name: str | None = None) -> list[Any]:
        """Every evaluation job in our namespace, or those of one job of ours."""
        wanted: dict[str, Any] = {"namespace": self._client.namespace}
        if job_name is not None:
            wanted["custom_fields"] = {names.JOB_FIELD: job_name}

        async def pages() -> list[Any]:
            listed = self._client.sdk.evaluation.jobs.list(
                filter=wanted,  # type: ignore[arg-type] # a TypedDict of the SDK
                sort="-created_at",
                page_size=100,
            )
            return [one async for one in listed]

        return await self._client.read("the list of evaluation jobs", pages)

    async def advance(self, job: EvaluateJob, note: Note) -> JobStatus:
        """Bring it forward by what can be done now, then say how it stands."""
        files = await self._book.files(job.run_uid)
        model, card = await self._prompting.asked(job, files)
        if note.external_id is None and not note.direct:
            waiting = await self._prepared(job, note, model, card, files)
            if waiting is not None:
                return waiting
            note.external_id = await self.find(job)
            note.direct = note.external_id is None and not files.facts.alike
        if note.direct:
            return await self._ask(job, note, model, card, files)
        if note.external_id is None:
            return await self._create(job, note, model, card, files)
        return await self._follow(job, note, card, files)

    async def cancel(self, job: EvaluateJob, note: Note) -> bool:
        """Stop asking, and the job; True once it has ended."""
        chosen = await self._prompting.stop(job)
        still = await self._background.stop(job.name) and chosen
        external = note.external_id or await self.find(job)
        if external is None:
            asked = note.asked_within(self._client.config.request_timeout_seconds)
            return still and not asked
        note.external_id = external
        return await self.stop(external) and still

    async def stop(self, external: str) -> bool:
        """Cancel a job by its id; True once it has ended."""
        jobs = self._client.sdk.evaluation.jobs
        try:
            found = await self._client.read("a job", lambda: jobs.retrieve(external))
            if found.status in ACTIVE and found.status != "cancelling":
                await self._client.read("cancelling a job", lambda: jobs.cancel(external))
                found = await self._client.read("a job", lambda: jobs.retrieve(external))
        except NotFoundError:
            return True
        except (ConflictError, InvalidInputError):  # it ended in the meantime
            found = await self._client.read("a job", lambda: jobs.retrieve(external))
        return found.status not in ACTIVE

    async def predictions(self, job: EvaluateJob) -> list[PredictionRow]:
        """All answers, by row. Raises NotFoundError while some are missing."""
        found = await Answers(self._book.answers(job)).read()
        files = await self._book.files(job.run_uid)
        if len(found) < files.facts.rows:
            raise NotFoundError(
                f"The evaluation '{job.name}' has {len(found)} of {files.facts.rows} answers.",
                "Wait until it is complete.",
            )
        return [found[row] for row in sorted(found)]

    async def _prepared(
        self, job: EvaluateJob, note: Note, model: str, card: icl.Card | None, files: RunFiles
    ) -> JobStatus | None:
        """None once all is there that it takes to ask."""
        ready = self._prompting.ready(job, card)
        waiting = await self._helpers.need(self._wanted(card, files, ready), job, note)
        waiting = waiting or await self._served(model, note)
        if waiting is None and card is not None and not ready:
            return self._prompting.prepare(job, card, files)
        return waiting

    async def _served(self, model: str, note: Note) -> JobStatus | None:
        if model in await self._client.served():
            return None
        limit = self._client.config.sync_timeout_seconds
        if note.enter("serving") > limit:
            return _failed(f"The NIM proxy does not serve {model} after {duration(limit)}.")
        return JobStatus(state="running", message="waiting for the model to be served")

    def _wanted(self, card: icl.Card | None, files: RunFiles, ready: bool) -> list[Nim]:
        """The helper models that it takes."""
        found = self._helpers.judges(tasks.kind_of(files.facts), files.facts.alike)
        if card is not None and card.likeness == "embedding NIM" and not ready:
            found += self._helpers.embedders(card.icl)
        return found

    # --- Evaluator ----------------------------------------------------------------------------

    async def _create(
        self, job: EvaluateJob, note: Note, model: str, card: icl.Card | None, files: RunFiles
    ) -> JobStatus:
        if note.asked_within(self._client.config.request_timeout_seconds):
            return JobStatus(state="running", message="finding out whether NeMo took the job")
        wanted = tasks.metrics(
            tasks.kind_of(files.facts), self._helpers.judge_metric(tasks.kind_of(files.facts))
        )
        config = tasks.evaluation_config(
            files.facts,
            self._prompting.url(job, card),
            wanted,
            self._client.config.concurrent_requests,
        )
        note.asked_at = time.time()
        await self._book.keep(job, note)  # we may not live to see the answer
        try:
            created = await self._client.write(
                f"the evaluation of {model}",
                lambda: self._client.sdk.evaluation.jobs.create(
                    namespace=self._client.namespace,
                    config=config,  # type: ignore[arg-type] # TypedDicts of the SDK
                    target={"type": "model", "model": model},
                    description=job.name,
                    custom_fields=dict(names.marks(job.name, job.run_uid)),
                ),
            )
        except FlywheelError as error:
            if isinstance(error, NotTakenError | InvalidInputError | NotFoundError):
                note.asked_at = None
            raise
        note.external_id, note.asked_at = created.id, None
        return JobStatus(state="running", percent=5, message="created")

    async def _follow(
        self, job: EvaluateJob, note: Note, card: icl.Card | None, files: RunFiles
    ) -> JobStatus:
        jobs, external = self._client.sdk.evaluation.jobs, note.external_id or ""
        found = await self._client.read(
            f"the status of {job.name}", lambda: jobs.retrieve(external)
        )
        details = found.status_details
        said = (details.message if details else None) or "NeMo gives no reason"
        if found.status == "completed":
            return await self._collect(job, note, found, card, files)
        if found.status == "failed":
            return _failed(f"The evaluation of {job.candidate} has failed: {said.rstrip('.')}.")
        if found.status == "cancelled":
            return JobStatus(state="cancelled")
        percent = min(float((details.progress if details else None) or 0.0), 100.0)
        limit = self._client.config.stall_seconds
        if note.still(f"{found.status} {percent}") > limit:
            await self.stop(external)
            return _failed(
                f"The evaluation of {job.candidate} has made no progress for {duration(limit)} "
                f"and was cancelled at {percent:.0f} %."
            )
        return JobStatus(state="running", percent=percent, message=str(found.status))

    async def _collect(
        self, job: EvaluateJob, note: Note, found: Any, card: icl.Card | None, files: RunFiles
    ) -> JobStatus:
        """Take the answers out of the results."""
        jobs, external = self._client.sdk.evaluation.jobs, note.external_id or ""

        async def download() -> bytes:
            response = await jobs.download_results(external)
            return await response.read()

        try:
            archive = await self._client.read(
                f"the results of {job.name}", download, self._client.config.upload_timeout_seconds
            )
        except NotFoundError:
            archive = b""
        items = await asyncio.to_thread(read_lines, self._prompting.path(job, card, files))
        each = _seconds(found, self._client.config.concurrent_requests, len(items))
        rows = await asyncio.to_thread(rows_of, archive, items, each)
        answers = Answers(self._book.answers(job))
        await answers.add(list(rows.values()))
        if len(rows) < files.facts.rows:
            note.direct = True
            return JobStatus(state="running", percent=50, message="asking for the missing answers")
        message = ""
        with contextlib.suppress(FlywheelError):  # they are only shown beside ours
            message = tasks.said(
                await self._client.read(f"scores of {job.name}", lambda: jobs.results(external))
            )
        return self._done(job, card, message)

    # --- without Evaluator --------------------------------------------------------------------

    async def _ask(
        self, job: EvaluateJob, note: Note, model: str, card: icl.Card | None, files: RunFiles
    ) -> JobStatus:
        answers = Answers(self._book.answers(job))
        have, rows = len(await answers.read()), files.facts.rows
        if self._background.started(job.name) and self._background.done(job.name):
            self._background.result(job.name)  # or what it raised
            have = len(await answers.read())
        if have == rows:
            return self._done(job, card, "asked through the NIM proxy")
        limit = self._client.config.stall_seconds
        if note.still(f"{have} answers") > limit:
            await self._background.stop(job.name)
            return _failed(f"{model} has given no answer for {duration(limit)}.")
        if not self._background.started(job.name):
            path = self._prompting.path(job, card, files)
            self._background.start(
                job.name,
                self._ask_all(model, path, answers),
                lambda: self._book.unwanted(job),
            )
        return JobStatus(
            state="running", percent=100 * have / rows, message=f"answered {have:,} of {rows:,}"
        )

    async def _ask_all(self, model: str, path: Path, answers: Answers) -> None:
        items = await asyncio.to_thread(read_lines, path)
        await ask_all(self._client, model, [item["request"] for item in items], answers)

    def _done(self, job: EvaluateJob, card: icl.Card | None, message: str) -> JobStatus:
        artifact = self._prompting.artifact(job, card)
        return JobStatus(state="completed", percent=100, message=message, artifact=artifact)


def _marked(job: Any, name: str) -> bool:
    return (job.custom_fields or {}).get(names.JOB_FIELD) == name and job.status != "cancelled"


def _created(job: Any) -> float:
    return 0.0 if job.created_at is None else float(job.created_at.timestamp())


def _seconds(job: Any, parallelism: int, rows: int) -> float:
    """What one answer took on average: rows do not say it, the job's times do."""
    if job.created_at is None or job.updated_at is None or not rows:
        return 0.0
    whole = float((job.updated_at - job.created_at).total_seconds())
    return whole * min(parallelism, rows) / rows


def _failed(error: str) -> JobStatus:
    return JobStatus(state="failed", error=error)
