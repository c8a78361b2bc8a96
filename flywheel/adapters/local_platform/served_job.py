"""The evaluation of a served model: every request asked, side by side, and none twice."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import ValidationError

from flywheel.adapters.local_platform import icl, served_model
from flywheel.adapters.local_platform.manifest import sha256, size_bytes
from flywheel.adapters.local_platform.served import ServedModel
from flywheel.adapters.local_platform.texts import read_lines
from flywheel.adapters.openai_http import RequestFailedError
from flywheel.datasets.labels import Labels
from flywheel.errors import DataError, InvalidInputError, UnavailableError
from flywheel.evaluation.prompts import Message, request_tokens
from flywheel.formatting import count
from flywheel.ports.platform import EvaluateJob, ModelArtifact, PredictionRow
from flywheel.processes import ReportProgress
from flywheel.settings import IclConfig, ServedCandidateConfig
from flywheel.settings.environment import secrets_from

ANSWERS = "answers.jsonl"  # as they come; a job that is started again goes on behind them
FAILING_SHARE = 0.05  # of the requests; with more unanswered the scores would mean nothing

Logged = dict[str, Any]


def evaluate(
    job: EvaluateJob,
    config: ServedCandidateConfig | None,
    directory: Path,
    model: Path,
    report: ReportProgress,
) -> tuple[list[PredictionRow], ModelArtifact | None, str]:
    """The answers by row, what icl-eval leaves in `model`, and what has to be said of it all.

    `config` is the candidate's endpoint; an incumbent brings its own. Raises DataError,
    InvalidInputError, and UnavailableError where the endpoint refuses or leaves out too much.
    """
    requests = _read_requests(Path(job.datasets.eval))
    prompts: icl.Prompts | None = None
    if job.eval_type == "incumbent-eval":
        assert job.artifact is not None  # an incumbent has its files
        card, prompts = icl.from_card(Path(job.artifact), requests, report)
        config = card.endpoint
    elif job.eval_type == "icl-eval":
        settings = job.icl or IclConfig()
        labels = Labels(job.datasets.labels)
        train = Path(job.datasets.train)
        prompts = icl.from_training(train, labels, settings, job.seed, requests, report)
    elif job.eval_type != "base-eval":
        raise InvalidInputError(
            f"{job.candidate} is only asked: '{job.eval_type}' is for models that are fine-tuned."
        )
    assert config is not None  # the platform knows where its candidates are

    def messages(row: int) -> list[Message]:
        logged: list[Message] = requests[row]["messages"]
        return logged if prompts is None else prompts.messages(row, logged)

    asking = _Asking(config, requests, messages, directory / ANSWERS, report)
    rows = asyncio.run(asking.all())
    artifact = None
    if prompts is not None and job.eval_type == "icl-eval":
        report(99, "keeping the examples")
        artifact = _keep(job, config, prompts, model)
    return rows, artifact, asking.said(prompts)


class _Asking:
    """Asks all requests of one job."""

    def __init__(
        self,
        config: ServedCandidateConfig,
        requests: list[Logged],
        messages: Callable[[int], list[Message]],
        answers: Path,
        report: ReportProgress,
    ) -> None:
        self._config, self._requests, self._messages = config, requests, messages
        self._answers, self._report = answers, report
        self._rows: dict[int, PredictionRow] = {}
        self._failures: list[RequestFailedError] = []
        self._slots = asyncio.Semaphore(config.max_concurrent_requests)

    async def all(self) -> list[PredictionRow]:
        """A row for every request, in order; those that failed have an empty answer."""
        served = ServedModel(self._config, secrets_from(os.environ).served_api_key)
        self._rows = _kept(self._answers)
        with self._answers.open("ab") as file:
            async with served.endpoint:
                try:
                    async with asyncio.TaskGroup() as group:
                        for row in range(len(self._requests)):
                            if row not in self._rows:
                                group.create_task(self._one(served, row, file))
                except ExceptionGroup as errors:
                    raise errors.exceptions[0] from None
        return [self._rows[row] for row in range(len(self._requests))]

    async def _one(self, served: ServedModel, row: int, file: BinaryIO) -> None:
        async with self._slots:  # held while it waits: a busy server gets fewer requests
            logged, messages = self._requests[row], self._messages(row)
            try:
                reply = await served.ask(logged, messages, row % 16 / 15)
            except RequestFailedError as error:
                self._rows[row] = PredictionRow(
                    row=row,
                    answer="",
                    seconds=error.seconds,
                    input_tokens=request_tokens(messages, logged.get("tools")),
                    output_tokens=0,
                )
                self._failed(error, served)
            else:
                answer = reply.value
                self._rows[row] = PredictionRow(
                    row=row,
                    answer=answer.text,
                    tool_calls=answer.tool_calls,
                    seconds=reply.seconds,
                    input_tokens=answer.input_tokens,
                    output_tokens=answer.output_tokens,
                )
                file.write(self._rows[row].model_dump_json().encode() + b"\n")
                file.flush()  # to the system, which outlives this process
        total = len(self._requests)
        if len(self._rows) % max(1, total // 50) == 0:
            asked = f"answered {count(len(self._rows))} of {count(total)}"
            self._report(98 * len(self._rows) / total, asked + self._failed_so_far())

    def _failed(self, error: RequestFailedError, served: ServedModel) -> None:
        self._failures.append(error)
        total = len(self._requests)
        if len(self._failures) > FAILING_SHARE * total:
            reason = f"{error.why}: {error.said}" if error.said else error.why
            raise UnavailableError(
                f"{self._config.name} at {served.endpoint.shown} left {len(self._failures)} of "
                f"{count(total)} requests unanswered, the last because {reason}.",
                "The log of its server may say more.",
            )

    def _failed_so_far(self) -> str:
        if not self._failures:
            return ""
        last = self._failures[-1]
        reason = f"{last.why}: {last.said}" if last.said else last.why
        return f", {count(len(self._failures))} failed and count as wrong ({reason})"

    def said(self, prompts: icl.Prompts | None) -> str:
        """What people have to know of the answers beside their scores; "" where nothing."""
        parts = []
        if prompts is not None and (without := prompts.without):
            total = count(len(self._requests))
            parts.append(f"{count(without)} of {total} asked without examples: too few fit")
        if failed := self._failed_so_far():
            parts.append(failed.removeprefix(", "))
        return "; ".join(parts)


def _read_requests(path: Path) -> list[Logged]:
    requests = []
    for number, record in enumerate(read_lines(path), start=1):
        try:
            request = record["request"]
            requests.append({**request, "messages": [dict(m) for m in request["messages"]]})
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"Line {number} of {path} holds no request.",
                "Start the run again to build it anew.",
            ) from error
    return requests


def _kept(answers: Path) -> dict[int, PredictionRow]:
    """What was answered before; the last line may be half a one, and goes."""
    rows: dict[int, PredictionRow] = {}
    whole = 0
    if answers.exists():
        for line in answers.read_bytes().splitlines(keepends=True):
            try:
                row = PredictionRow.model_validate_json(line)
            except ValidationError:
                break
            if not line.endswith(b"\n"):
                break
            rows[row.row] = row
            whole += len(line)
        os.truncate(answers, whole)
    return rows


def _keep(
    job: EvaluateJob, config: ServedCandidateConfig, prompts: icl.Prompts, model: Path
) -> ModelArtifact:
    settings = job.icl or IclConfig()
    card = served_model.ServedCard(
        endpoint=config,
        icl=settings,
        likeness=prompts.method,
        seed=job.seed,
        labels=job.datasets.labels,
        train_digest=sha256(Path(job.datasets.train)),
    )
    digest = served_model.save(model, card, prompts.records)
    return ModelArtifact(
        uri=str(model),
        digest=digest,
        size_bytes=size_bytes(model),
        train_records=len(prompts.records),
        train_seconds=0.0,
        params={
            "model_name": config.model_name,
            "url": config.url,
            "example_selection": settings.example_selection,
            "likeness": prompts.method,
            "min_examples": settings.min_examples,
            "max_examples": settings.max_examples,
            "max_context_length": settings.max_context_length,
            "reserved_tokens": settings.reserved_tokens,
            "seed": job.seed,
        },
    )
