"""What an evaluation asks: which model, and whether with examples in the prompts."""

import asyncio
import hashlib
from pathlib import Path

import orjson

from flywheel.adapters.nemo import icl, names
from flywheel.adapters.nemo.background import Background
from flywheel.adapters.nemo.book import Book, RunFiles
from flywheel.adapters.nemo.client import NemoClient
from flywheel.adapters.nemo.datasets import EVALUATION
from flywheel.adapters.nemo.facts import read_lines
from flywheel.adapters.nemo.helpers import Helpers
from flywheel.adapters.nemo.hub import Datastore
from flywheel.ports.platform import EvaluateJob, JobStatus, ModelArtifact


class Prompting:
    """Evaluation sets as they are asked; those with examples are made here, once."""

    def __init__(
        self,
        client: NemoClient,
        hub: Datastore,
        book: Book,
        background: Background,
        helpers: Helpers,
    ) -> None:
        self._client, self._hub, self._book = client, hub, book
        self._background, self._helpers = background, helpers

    async def asked(self, job: EvaluateJob, files: RunFiles) -> tuple[str, icl.Card | None]:
        """The model, and how examples are chosen where there are some."""
        if job.artifact is not None and Path(job.artifact).is_absolute():
            card, _ = await asyncio.to_thread(icl.load, Path(job.artifact))
            return card.model, card
        if job.icl is None:
            return job.artifact or job.candidate, None
        return job.candidate, icl.Card(
            model=job.candidate,
            labels=files.local.labels,
            icl=job.icl,
            likeness=icl.likeness_of(job.icl),
            seed=job.seed,
            examples=files.train_records,
        )

    def ready(self, job: EvaluateJob, card: icl.Card | None) -> bool:
        """Whether the prompts are made."""
        return card is None or self._prompts(job).exists()

    def path(self, job: EvaluateJob, card: icl.Card | None, files: RunFiles) -> Path:
        """The lines that are asked, on this machine."""
        return Path(files.local.eval) if card is None else self._prompts(job)

    def url(self, job: EvaluateJob, card: icl.Card | None) -> str:
        """The same in NeMo."""
        base = names.files_url(self._client.namespace, names.eval_dataset(job.run_uid))
        return f"{base}/{EVALUATION if card is None else _remote(job)}"

    def artifact(self, job: EvaluateJob, card: icl.Card | None) -> ModelArtifact | None:
        """What is needed to ask so again, where there are examples of this job's own."""
        if card is None or job.icl is None:
            return None
        directory = self._examples(job)
        manifest = (directory / "SHA256SUMS").read_bytes()
        return icl.artifact(directory, hashlib.sha256(manifest).hexdigest())

    def prepare(self, job: EvaluateJob, card: icl.Card, files: RunFiles) -> JobStatus:
        """Choose the examples, in the background; raises what that raised."""
        key = f"{job.name} prompts"
        if not self._background.started(key):
            self._background.start(
                key, self._choose(job, card, files), lambda: self._book.unwanted(job)
            )
        elif self._background.done(key):
            self._background.result(key)
        return JobStatus(state="running", percent=5, message="choosing examples")

    async def stop(self, job: EvaluateJob) -> bool:
        """Stop choosing; True once nothing of it runs."""
        return await self._background.stop(f"{job.name} prompts")

    async def _choose(self, job: EvaluateJob, card: icl.Card, files: RunFiles) -> None:
        items = await asyncio.to_thread(read_lines, files.local.eval)
        if job.icl is None:
            _, lines = await asyncio.to_thread(icl.load, Path(job.artifact or ""))
        else:
            read = await asyncio.to_thread(read_lines, files.local.train)
            lines = await asyncio.to_thread(icl.candidates_for, card, read)
            card.examples = len(lines)
            await asyncio.to_thread(icl.save, self._examples(job), card, lines)
        made = await icl.with_chosen(card, lines, items, self._helpers.embedding(card.icl))
        content = b"".join(orjson.dumps(row) + b"\n" for row in made.rows)
        if files.facts.alike:
            repo = f"{self._client.namespace}/{names.eval_dataset(job.run_uid)}"
            await self._hub.put(repo, {_remote(job): content})
        draft = self._prompts(job).with_suffix(".tmp")
        await asyncio.to_thread(draft.write_bytes, content)
        await asyncio.to_thread(draft.replace, self._prompts(job))  # its presence means done

    def _examples(self, job: EvaluateJob) -> Path:
        return self._book.folder(job.run_uid) / f"examples-{names.slug(job.candidate)}"

    def _prompts(self, job: EvaluateJob) -> Path:
        return self._book.folder(job.run_uid) / f"{names.slug(job.name)}.prompts.jsonl"


def _remote(job: EvaluateJob) -> str:
    return f"icl/{names.slug(job.name)}.jsonl"
