"""A real small LLM on a server that is not ours: SmolLM2-135M-Instruct behind llama.cpp.

Minutes on two cores, so only where FLYWHEEL_TEST_SMOLLM2 is set (`make test-peers`).
"""

import asyncio
import gzip
import itertools
import os
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from flywheel.adapters.local_platform import LocalPlatform
from flywheel.adapters.local_platform.icl import from_training
from flywheel.datasets.formats import evaluation_line, training_line
from flywheel.datasets.labels import Labels
from flywheel.evaluation.prompts import request_tokens
from flywheel.ports.platform import DatasetFiles, EvaluateJob, PredictionRow
from flywheel.settings import IclConfig, ServedCandidateConfig
from tests.support.records import real_file

ASKED, TRAINED = 60, 2000
ICL = IclConfig(
    max_context_length=2048,  # of one slot of the server
    reserved_tokens=64,
    max_examples=3,
    example_selection="semantic_similarity",
)

pytestmark = pytest.mark.skipif(
    "FLYWHEEL_TEST_SMOLLM2" not in os.environ, reason="minutes: set FLYWHEEL_TEST_SMOLLM2"
)


def label_of(record: bytes) -> str:
    return str(orjson.loads(record)["response"]["choices"][0]["message"]["content"]).strip("[]")


def write_datasets(folder: Path) -> tuple[DatasetFiles, list[str]]:
    """The first records of a real log; their labels."""
    with gzip.open(real_file("news_topics.jsonl.gz")) as file:
        records = list(itertools.islice(file, ASKED + TRAINED))
    asked, taught = records[:ASKED], records[ASKED:]
    labels = [label_of(record) for record in asked]
    uris = {name: str(folder / f"{name}.jsonl") for name in ("train", "val", "eval")}
    Path(uris["train"]).write_bytes(b"".join(training_line(r, True) for r in taught))
    lines = [evaluation_line(r, label, True) for r, label in zip(asked, labels, strict=True)]
    Path(uris["eval"]).write_bytes(b"".join(lines))
    return DatasetFiles(**uris, labels=sorted({label_of(r) for r in records})), labels


@pytest.fixture
async def platform(smollm2: str, tmp_path: Path) -> AsyncIterator[LocalPlatform]:
    config = ServedCandidateConfig(
        name="smollm2",
        url=smollm2,
        model_name="smollm2-135m",
        max_concurrent_requests=2,
        timeout_seconds=600,  # a busy machine is no failure of the model
    )
    platform = LocalPlatform(tmp_path / "home", ["smollm2"], 1, served=[config])
    yield platform
    await platform.remove("run1")


async def test_examples_help_a_real_small_model(
    platform: LocalPlatform, smollm2: str, tmp_path: Path
) -> None:
    datasets, labels = write_datasets(tmp_path)
    assert await platform.ping_candidate("smollm2") == f"{smollm2} serves smollm2-135m"

    async def rows(job: EvaluateJob) -> list[PredictionRow]:
        await platform.start(job)
        while (status := await platform.poll(job)).state == "running":
            await asyncio.sleep(0.2)
        assert status.state == "completed", status.error
        assert status.message == "", "nothing failed, everything had examples"
        return await platform.predictions(job)

    common = {"run_uid": "run1", "candidate": "smollm2", "seed": 1, "datasets": datasets}
    base = EvaluateJob.model_validate({**common, "name": "base", "eval_type": "base-eval"})
    icl = EvaluateJob.model_validate({**common, "name": "icl", "eval_type": "icl-eval", "icl": ICL})
    known = Labels(datasets.labels)
    right, answers = {}, {}
    for job in (base, icl):
        answers[job.name] = await rows(job)
        found = [known.extract(row.answer) for row in answers[job.name]]
        right[job.name] = sum(a == b for a, b in zip(found, labels, strict=True))
        seconds = sorted(row.seconds for row in answers[job.name])[ASKED // 2]
        print(f"{job.eval_type}: {right[job.name]} of {ASKED} right, median {seconds:.2f} s")
    assert right["icl"] > right["base"]

    requests = read_requests(datasets.eval)
    prompts = from_training(
        Path(datasets.train), known, ICL, 1, requests, lambda _percent, _text: None
    )
    for row, request in enumerate(requests):
        estimate = request_tokens(prompts.messages(row, request["messages"]))
        assert answers["icl"][row].input_tokens <= estimate <= ICL.prompt_tokens


def read_requests(path: str) -> list[dict[str, list[dict[str, str]]]]:
    return [orjson.loads(line)["request"] for line in Path(path).read_bytes().splitlines()]
