"""`python -m flywheel.adapters.local_platform.job DIR`: the process of one job."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import BaseModel, Field

from flywheel.adapters.local_platform import manifest, served_model, texts
from flywheel.datasets.labels import Labels
from flywheel.errors import InvalidInputError
from flywheel.ports.platform import (
    CustomizeJob,
    EvaluateJob,
    ModelArtifact,
    PredictionRow,
    ValidationPoint,
)
from flywheel.processes import ReportProgress, job_main
from flywheel.settings import ServedCandidateConfig

PREDICTIONS = "predictions.jsonl"
CURVE = "validation.jsonl"


class LocalJob(BaseModel):
    """A job with where it leaves its files."""

    job: Annotated[CustomizeJob | EvaluateJob, Field(discriminator="kind")]
    directory: Path
    model: Path
    threads: int
    served: ServedCandidateConfig | None = Field(
        None, description="Of a candidate that is served elsewhere: where. Its key is no part"
    )


class Reply(NamedTuple):
    """An answer; its confidence is worked out apart, so that its time is the answer's alone."""

    text: str
    confidence: Callable[[], float | None]


class LocalResult(BaseModel):
    """What a job leaves behind besides its files."""

    artifact: ModelArtifact | None = None
    message: str = Field("", description="What has to be said of it beside its scores")


def run(spec: LocalJob, report: ReportProgress) -> LocalResult:
    """Do the job."""
    # Before numpy is imported: it reads these once. Jobs side by side must not fight for cores.
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ[f"{library}_NUM_THREADS"] = str(spec.threads)
    if isinstance(spec.job, CustomizeJob):
        return LocalResult(artifact=_customize(spec.job, spec.model, spec.directory, report))
    if _is_served(spec, spec.job):
        return _evaluate_served(spec, spec.job, report)
    answer = _base_model(spec.job) if spec.job.eval_type == "base-eval" else _model(spec.job)
    requests = texts.read_requests(Path(spec.job.datasets.eval))
    _write(_ask(answer, requests, report), spec.directory / PREDICTIONS)
    return LocalResult()


def _is_served(spec: LocalJob, job: EvaluateJob) -> bool:
    if job.artifact is not None:  # of an incumbent its files say what it is
        return served_model.is_served(Path(job.artifact))
    return spec.served is not None


def _evaluate_served(spec: LocalJob, job: EvaluateJob, report: ReportProgress) -> LocalResult:
    from flywheel.adapters.local_platform import served_job

    rows, artifact, message = served_job.evaluate(
        job, spec.served, spec.directory, spec.model, report
    )
    _write(rows, spec.directory / PREDICTIONS)
    return LocalResult(artifact=artifact, message=message)


def _customize(
    job: CustomizeJob, model: Path, directory: Path, report: ReportProgress
) -> ModelArtifact:
    # Seconds to import, so only here.
    from flywheel.adapters.local_platform import models, students

    train, known = Path(job.datasets.train), Labels(job.datasets.labels)
    examples = texts.read_training(train, known)
    labels = [example.label for example in examples]
    watch = None
    if job.trial:
        held = texts.read_training(Path(job.datasets.val), known)
        watch = students.Watch([h.text for h in held], [h.label for h in held], _curve(directory))
    started = time.perf_counter()
    trained = students.train(
        job.candidate,
        [example.text for example in examples],
        labels,
        job.seed,
        report,
        job.student,
        watch,
    )
    seconds = time.perf_counter() - started
    validation = watch and students.validate(trained.model, watch.texts, watch.labels)
    report(95, "saving the model")
    params = {**trained.params, "seed": job.seed}
    digest = models.save(
        model, job.candidate, students.Trained(trained.model, params), labels, train
    )
    return ModelArtifact(
        uri=str(model),
        digest=digest,
        size_bytes=manifest.size_bytes(model),
        train_records=len(examples),
        train_seconds=seconds,
        params=params,
        validation=validation,
    )


def _curve(directory: Path) -> Callable[[ValidationPoint], None]:
    """Writes the curve anew: an attempt that died may have left half of another."""
    path = directory / CURVE
    path.unlink(missing_ok=True)

    def add(point: ValidationPoint) -> None:
        with path.open("a") as file:
            file.write(point.model_dump_json() + "\n")

    return add


def read_curve(directory: Path) -> list[ValidationPoint]:
    """What a training in that directory has reported so far."""
    try:
        lines = (directory / CURVE).read_text().split("\n")
    except FileNotFoundError:
        return []
    return [ValidationPoint.model_validate_json(line) for line in lines[:-1]]  # the last is open


def _write(rows: Iterable[PredictionRow], predictions: Path) -> None:
    """All or nothing."""
    draft = predictions.with_suffix(".tmp")
    with draft.open("wb") as file:
        for row in rows:
            file.write(row.model_dump_json().encode() + b"\n")
    draft.replace(predictions)


def _ask(
    answer: Callable[[str], Reply], requests: list[str], report: ReportProgress
) -> Iterator[PredictionRow]:
    """Ask one request after the other, as production does, and measure each."""
    if requests:
        answer(requests[0])  # the first answer also pays for what is loaded late
    step = max(1, len(requests) // 20)
    for row, text in enumerate(requests):
        if row % step == 0:
            report(100 * row / len(requests), f"answered {row:,} of {len(requests):,}")
        started = time.perf_counter()
        reply = answer(text)
        seconds = time.perf_counter() - started
        yield PredictionRow(
            row=row,
            answer=reply.text,
            seconds=seconds,
            input_tokens=texts.count_tokens(text),
            output_tokens=texts.count_tokens(reply.text),
            confidence=reply.confidence(),
        )


def _base_model(job: EvaluateJob) -> Callable[[str], Reply]:
    """Always the most frequent label of the training set."""
    labels = Labels(job.datasets.labels)
    examples = texts.read_training(Path(job.datasets.train), labels)
    reply = texts.answer_text(texts.most_frequent_label(examples))
    return lambda _: Reply(reply, lambda: None)


def _model(job: EvaluateJob) -> Callable[[str], Reply]:
    from flywheel.adapters.local_platform import models, students

    if job.eval_type == "icl-eval" or job.artifact is None:
        raise InvalidInputError(
            f"The local platform cannot run '{job.eval_type}' on {job.candidate}.",
            "It runs base-eval, and customized-eval and incumbent-eval of a trained model.",
        )
    model = models.load(Path(job.artifact))

    def answer(text: str) -> Reply:
        label, confidence = students.ask(model, text)
        return Reply(texts.answer_text(label), confidence)

    return answer


if __name__ == "__main__":
    job_main(LocalJob, run)
