"""Training jobs on the real server: flywheel's backend, and NVIDIA's refusal without GPUs."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import orjson
import pytest

from flywheel.adapters.nemo_platform import NemoPlatform, names
from flywheel.adapters.nemo_platform.client import NemoPlatformClient
from flywheel.datasets.formats import evaluation_line, training_line
from flywheel.errors import DataError, InvalidInputError
from flywheel.ports.platform import (
    CustomizeJob,
    DatasetFiles,
    DeployJob,
    EvaluateJob,
    Job,
    JobStatus,
)
from flywheel.settings import NemoPlatformConfig, StudentConfig, TrainingConfig
from flywheel.settings.nemo import NimConfig
from flywheel.settings.sections import LoraConfig
from tests.support.records import record, write_lines
from tests.support.running import WORDS, write_log

SECONDS = 240.0
NIM = NimConfig.model_validate(
    {
        "model_name": "meta/llama-3.2-1b-instruct",
        "tag": "1.8.3",
        "customization_enabled": True,
        "customizer_configs": {"target": "meta/llama-3.2-1b-instruct@2.0"},
    }
)


@pytest.fixture
async def platform(
    config: NemoPlatformConfig, client: NemoPlatformClient, tmp_path: Path
) -> AsyncIterator[NemoPlatform]:
    """The students' platform."""
    platform = NemoPlatform(tmp_path / "platform", config)
    yield platform
    await platform.close()


def datasets(folder: Path, records: int = 200) -> DatasetFiles:
    """A small, learnable workload as dataset files."""
    lines = write_log(folder / "log.jsonl", records).read_bytes().splitlines()
    train = folder / "train.jsonl"
    train.write_bytes(b"".join(training_line(line, True) for line in lines))
    evaluation = folder / "eval.jsonl"
    evaluation.write_bytes(b"".join(evaluation_line(line, "?", True) for line in lines[:5]))
    files = {"train": str(train), "val": str(train), "eval": str(evaluation)}
    return DatasetFiles(**files, labels=list(WORDS))


def training(files: DatasetFiles, candidate: str = "tfidf-svm", **training: str) -> CustomizeJob:
    """A job of a run of its own."""
    uid = f"fw-{uuid.uuid4().hex[:12]}"
    return CustomizeJob(
        name=f"{uid}-{candidate}-customize",
        run_uid=uid,
        candidate=candidate,
        seed=7,
        datasets=files,
        training=TrainingConfig.model_validate(training),
    )


async def until(platform: NemoPlatform, job: Job, wanted: Callable[[JobStatus], bool]) -> JobStatus:
    """The first status that is wanted."""
    async with asyncio.timeout(SECONDS):
        while not wanted(status := await platform.poll(job)):
            await asyncio.sleep(0.1)
    return status


def over(status: JobStatus) -> bool:
    """Whether nothing more happens to the job."""
    return status.state != "running"


async def test_a_student_is_trained_once_under_its_name(
    platform: NemoPlatform, client: NemoPlatformClient, tmp_path: Path
) -> None:
    job = training(datasets(tmp_path))
    assert "never started" in str((await platform.poll(job)).error)
    for _ in range(2):
        await platform.start(job)
    seen = []
    status = await until(platform, job, lambda status: bool(seen.append(status)) or over(status))
    assert (status.state, status.error) == ("completed", None)
    assert status.artifact is not None
    assert status.artifact.train_records == 200
    assert status.artifact.params["classifier"] == "linear SVM"
    assert status.artifact.params["seed"] == 7
    assert [s.percent for s in seen] == sorted(s.percent for s in seen)
    assert "trained" in {s.message for s in seen}  # said by the trainer, handed on by the server
    fileset = names.model_fileset(job.run_uid, job.candidate)
    files = {file.path: file.size for file in await client.files(fileset)}
    assert set(files) == {"model.joblib", "model.json", "SHA256SUMS"}
    assert status.artifact.size_bytes == sum(files.values())
    assert await client.job_names("students") == [names.external(job.name)]

    await platform.verify(status.artifact)
    await client.upload(fileset, "model.json", b"{}")
    with pytest.raises(DataError, match="not the model that training left"):
        await platform.verify(status.artifact)
    left = await platform.leftovers([])
    assert {leftover.kind for leftover in left} == {"job", "dataset"}
    assert {leftover.run_uid for leftover in left} == {job.run_uid}
    assert not await platform.leftovers([job.run_uid])
    assert not await platform.remove(job.run_uid)
    with pytest.raises(DataError, match="not there any more"):
        await platform.verify(status.artifact)
    assert not [n for n in await client.names("filesets") if job.run_uid in n]


async def test_a_trial_of_a_sweep_is_measured_on_the_validation_set(
    platform: NemoPlatform, client: NemoPlatformClient, tmp_path: Path
) -> None:
    job = training(datasets(tmp_path), "hashing-sgd").model_copy(
        update={"trial": 2, "student": StudentConfig(passes=5, alpha=1e-4)}
    )
    await platform.start(job)
    status = await until(platform, job, over)
    assert (status.state, status.error) == ("completed", None)
    artifact = status.artifact
    assert artifact is not None
    assert (artifact.params["passes"], artifact.params["alpha"]) == (5, 1e-4)
    assert artifact.validation is not None
    assert artifact.validation.metric == "macro_f1"
    assert artifact.validation.value > 0.9
    assert [point.percent for point in status.curve] == [20, 40, 60, 80, 100]
    assert status.curve[-1].loss < status.curve[0].loss
    fileset = names.model_fileset(job.run_uid, job.candidate, 2)
    assert artifact.uri == f"{client.workspace}/{fileset}"
    assert names.model_fileset(job.run_uid, job.candidate) not in await client.names("filesets")
    assert not await platform.remove(job.run_uid)


async def test_a_training_that_cannot_work_says_why(platform: NemoPlatform, tmp_path: Path) -> None:
    files = datasets(tmp_path)
    write_lines(Path(files.train), training_line(orjson.dumps(record()), True).strip())
    job = training(files)
    await platform.start(job)
    status = await until(platform, job, over)
    assert status.state == "failed"
    assert "one label only" in str(status.error)
    assert await platform.cancel(job)
    await platform.remove(job.run_uid)


async def test_a_training_is_stopped_in_the_middle(
    platform: NemoPlatform, client: NemoPlatformClient, tmp_path: Path
) -> None:
    job = training(datasets(tmp_path, 60_000))
    await platform.start(job)
    await until(platform, job, lambda status: status.message.startswith("fitting"))
    async with asyncio.timeout(SECONDS):
        while not await platform.cancel(job):
            await asyncio.sleep(0.1)
    assert (await platform.poll(job)).state == "cancelled"
    assert await platform.cancel(job)
    model = names.model_fileset(job.run_uid, job.candidate)
    assert model not in await client.names("filesets")
    await platform.remove(job.run_uid)
    assert (await platform.poll(job)).state == "failed"  # nothing of it is known any more


async def test_a_model_of_another_platform_is_not_asked(
    platform: NemoPlatform, tmp_path: Path
) -> None:
    files = datasets(tmp_path)
    job = EvaluateJob(
        **training(files).model_dump(include={"run_uid", "candidate", "seed", "datasets"}),
        name="fw-000000000000-incumbent-eval",
        eval_type="incumbent-eval",
        artifact=str(tmp_path / "models" / "tfidf-svm"),
    )
    with pytest.raises(DataError, match="not on this NeMo Platform"):
        await platform.start(job)


async def test_an_unknown_student_is_refused(platform: NemoPlatform, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="Did you mean 'tfidf-svm'"):
        await platform.start(training(datasets(tmp_path), "tfidf-svn"))


@pytest.mark.parametrize(
    ("backend", "training_type"),
    [("unsloth", "sft"), ("automodel", "sft"), ("automodel", "distillation")],
)
async def test_nvidias_trainers_refuse_without_containers(
    config: NemoPlatformConfig,
    client: NemoPlatformClient,
    tmp_path: Path,
    backend: str,
    training_type: str,
) -> None:
    """The request itself is accepted: what is missing is a place to run it."""
    teacher = f"{client.workspace}/teacher"
    config = config.model_copy(update={"backend": backend, "teacher_model": teacher})
    platform = NemoPlatform(tmp_path / "platform", config, [NIM])
    job = training(datasets(tmp_path), NIM.model_name, training_type=training_type)
    job = job.model_copy(update={"lora": LoraConfig(adapter_dim=8, adapter_alpha=16)})
    entity = names.external(NIM.model_name)
    with pytest.raises(InvalidInputError, match=f"not found: '.*/{entity}'"):
        await platform.start(job)

    await client.create("models", {"name": entity})
    await client.create("models", {"name": "teacher"})
    with pytest.raises(
        InvalidInputError,
        match=r"requires a reachable Docker daemon \(or platform.runtime: kubernetes\)",
    ):
        await platform.start(job)
    assert "never started" in str((await platform.poll(job)).error)

    serve = DeployJob(name=f"{job.run_uid}-deploy", run_uid=job.run_uid, candidate=job.candidate)
    with pytest.raises(InvalidInputError, match="runtime is set to 'none'"):
        await platform.start(serve)
    await platform.close()
