"""Every kind of job as it goes when all is well."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from flywheel.datasets.labels import extract_label
from flywheel.errors import DataError, NotFoundError
from flywheel.ports.platform import PredictionRow
from flywheel.settings import IclConfig
from flywheel.settings.endpoints import EmbedderConfig
from flywheel.settings.sections import LoraConfig, SimilarityConfig
from tests.adapters.nemo.conftest import KEY, MakePlatform
from tests.support.nemo_double import NemoDouble
from tests.support.nemo_jobs import EVAL, LARGE, SMALL, TRAIN, Run, called, datasets
from tests.support.running import WORDS

UID = "fw-0123456789ab"


def content(path: str) -> bytes:
    """Of a file."""
    return Path(path).read_bytes()


def lines(path: str) -> list[dict[str, Any]]:
    """The objects of a file."""
    return [orjson.loads(line) for line in content(path).splitlines()]


def write(path: str | Path, what: bytes) -> None:
    """Into a file."""
    Path(path).write_bytes(what)


def everything(folder: Path) -> bytes:
    """Of all files."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def right(files: str, rows: list[PredictionRow]) -> float:
    """The share of answers with the right label."""
    expected = [line["label"] for line in lines(files)]
    labels = [extract_label(row.answer, frozenset(WORDS)) for row in rows]
    return sum(a == b for a, b in zip(expected, labels, strict=True)) / len(expected)


async def test_uploads_and_registers_the_datasets(run: Run, double: NemoDouble) -> None:
    status = await run.done(run.upload())
    assert status.state == "completed"
    assert status.datasets is not None
    assert status.datasets.model_dump() == {
        "train": f"hf://datasets/team/flywheel-train-{UID}/training/train.jsonl",
        "val": f"hf://datasets/team/flywheel-train-{UID}/validation/val.jsonl",
        "eval": f"hf://datasets/team/flywheel-eval-{UID}/eval.jsonl",
        "labels": sorted(WORDS),
    }
    files = double.world.repos[f"datasets/team/flywheel-train-{UID}"].files
    assert files["training/train.jsonl"] == content(run.files.train)
    assert files["validation/val.jsonl"] == content(run.files.val)
    assert double.world.made("dataset") == [f"team/flywheel-{k}-{UID}" for k in ("train", "eval")]
    assert (
        double.world.datasets[f"team/flywheel-eval-{UID}"]["custom_fields"]["flywheel_run"] == UID
    )


async def test_a_large_dataset_goes_through_lfs(run: Run, double: NemoDouble) -> None:
    large = content(run.files.train) * 10
    assert len(large) > 100_000
    write(run.files.train, large)
    assert (await run.done(run.upload())).state == "completed"
    stored = double.world.repos[f"datasets/team/flywheel-train-{UID}"].files
    assert stored["training/train.jsonl"] == large
    assert any("/lfs/" in request for request in double.requests)


async def test_without_validation_records_no_file_is_uploaded(run: Run, double: NemoDouble) -> None:
    write(run.files.val, b"")
    assert (await run.done(run.upload())).state == "completed"
    files = double.world.repos[f"datasets/team/flywheel-train-{UID}"].files
    assert set(files) == {"training/train.jsonl"}


async def test_deploys_a_nim_and_takes_it_down(run: Run, double: NemoDouble) -> None:
    double.world.durations.listing = 1e9
    job = run.deploy()
    await run.platform.start(job)
    listing = await run.until(job, lambda s: "proxy" in s.message)
    assert listing.state == "running"
    double.world.listed.add(SMALL)
    assert (await run.ended(job)).state == "completed"
    (body,) = double.world.deployments.values()
    assert body["config"] == {
        "model": SMALL,
        "nim_deployment": {
            "image_name": f"nvcr.io/nim/{SMALL}",
            "image_tag": "1.8.3",
            "gpu": 1,
            "pvc_size": "25Gi",
            "additional_envs": {"NIM_GUIDED_DECODING_BACKEND": "outlines"},
        },
    }
    assert body["name"] == f"flywheel-{UID}-meta-llama-3.2-1b-instruct-deploy"
    await run.cancelled(job)
    assert not double.world.deployments
    assert (await run.platform.poll(job)).state == "cancelled"
    assert double.world.free() == 8


async def test_fine_tunes_with_every_setting(
    double: NemoDouble, make_platform: MakePlatform, tmp_path: Path
) -> None:
    platform = make_platform(
        custom={"gpus": 2, "tensor_parallel_size": 2, "micro_batch_size": 4, "max_seq_length": 512},
    )
    run = Run(platform, double, datasets(tmp_path / "data"), UID)
    await run.ready()
    double.world.durations.training = 25
    lora = LoraConfig(
        adapter_dim=32, adapter_alpha=64, adapter_dropout=0.2, sequence_packing_enabled=True
    )
    job = run.customize(epochs=3, batch_size=16, learning_rate=2e-4)
    job = job.model_copy(update={"lora": lora})
    await platform.start(job)
    training = await run.until(job, lambda s: s.percent > 0)
    assert training.message.startswith("training")
    status = await run.ended(job)
    assert status.state == "completed"
    (made,) = double.world.customizations.values()
    assert made["hyperparameters"] == {
        "training_type": "sft",
        "finetuning_type": "lora",
        "epochs": 3,
        "batch_size": 16,
        "learning_rate": 2e-4,
        "sequence_packing_enabled": True,
        "seed": 7,
        "lora": {"adapter_dim": 32, "adapter_dropout": 0.2, "alpha": 64},
    }
    (config,) = double.world.configs.values()
    assert config["target"] == f"{SMALL}@2.0"
    assert config["max_seq_length"] == 512
    assert config["training_precision"] == "bf16-mixed"
    assert config["training_options"] == [
        {
            "training_type": "sft",
            "finetuning_type": "lora",
            "num_gpus": 2,
            "num_nodes": 1,
            "tensor_parallel_size": 2,
            "data_parallel_size": 1,
            "use_sequence_parallel": False,
            "micro_batch_size": 4,
        }
    ]
    artifact = status.artifact
    assert artifact is not None
    assert artifact.validation is not None
    assert artifact.validation.metric == "loss"
    assert artifact.validation.value == pytest.approx(status.curve[-1].loss)
    assert [p.percent for p in status.curve] == sorted(p.percent for p in status.curve)
    assert status.curve[-1].percent == 100
    assert artifact.uri.startswith(f"team/flywheel-{UID}-meta-llama-3.2-1b-instruct-customize@cust")
    assert artifact.size_bytes is None
    assert artifact.train_records == TRAIN
    assert artifact.train_seconds > 0
    assert artifact.params["lora_dim"] == 32
    assert artifact.params["config"] == made["config"]
    assert made["config"].startswith("team/flywheel-meta-llama-3.2-1b-instruct-")


async def test_an_edited_setting_makes_another_config(
    double: NemoDouble, make_platform: MakePlatform, tmp_path: Path
) -> None:
    files = datasets(tmp_path / "data")
    for uid, length in (("fw-aa", 512), ("fw-bb", 512), ("fw-cc", 1024)):
        run = Run(make_platform(custom={"max_seq_length": length}), double, files, uid)
        await run.done(run.upload())
        assert (await run.done(run.customize())).state == "completed"
    used = [job["config"] for job in double.world.customizations.values()]
    assert used[0] == used[1] != used[2]
    assert [double.world.configs[one]["max_seq_length"] for one in used] == [512, 512, 1024]


async def test_base_and_fine_tuned_are_evaluated(run: Run, double: NemoDouble) -> None:
    await run.ready()
    trained = await run.done(run.customize())
    assert trained.artifact is not None
    base = await run.done(run.evaluate())
    assert base.state == "completed"
    assert base.message.startswith("NeMo: f1_score 0.")
    tuned = run.evaluate("customized-eval", artifact=trained.artifact.uri)
    assert (await run.done(tuned)).state == "completed"
    before = await run.platform.predictions(run.evaluate())
    after = await run.platform.predictions(tuned)
    assert [row.row for row in after] == list(range(EVAL))
    assert right(run.files.eval, after) > 0.9 > right(run.files.eval, before)
    assert len({row.answer for row in before}) == 1  # it says what is frequent
    assert all(row.input_tokens and row.output_tokens and row.seconds > 0 for row in after)
    assert {(one["temperature"], one["max_tokens"]) for one in double.world.asked} == {(0.0, 16)}
    assert double.world.made("evaluation") == [run.evaluate().name, tuned.name]


async def test_a_fine_tuned_model_is_waited_for(run: Run, double: NemoDouble) -> None:
    await run.ready()
    double.world.durations.sync = 1e9
    trained = await run.done(run.customize())
    assert trained.artifact is not None
    job = run.evaluate("customized-eval", artifact=trained.artifact.uri)
    await run.platform.start(job)
    waiting = await run.platform.poll(job)
    assert (waiting.state, waiting.message) == ("running", "waiting for the model to be served")
    assert double.world.made("evaluation") == []
    double.world.listed.add(trained.artifact.uri)
    assert (await run.ended(job)).state == "completed"


async def test_tools_are_called(
    double: NemoDouble, make_platform: MakePlatform, tmp_path: Path
) -> None:
    run = Run(make_platform(), double, datasets(tmp_path / "data", called), UID)
    await run.ready()
    trained = await run.done(run.customize())
    assert trained.artifact is not None
    job = run.evaluate("customized-eval", artifact=trained.artifact.uri)
    status = await run.done(job)
    assert "function_name_and_args_accuracy" in status.message
    rows = await run.platform.predictions(job)
    expected = lines(run.files.eval)
    same = 0
    for row, line in zip(rows, expected, strict=True):
        (truth,) = line["response"]["choices"][0]["message"]["tool_calls"]
        (call,) = row.tool_calls or [None]
        assert call is not None
        same += call["function"]["name"] == truth["function"]["name"]
        assert json.loads(call["function"]["arguments"])["topic"] in WORDS
    assert same > 0.9 * EVAL
    assert all(one["tools"] and one["tool_choice"] == "required" for one in double.world.asked)


@pytest.mark.parametrize("selection", ["uniform_distribution", "semantic_similarity"])
async def test_examples_stand_in_the_prompt(run: Run, double: NemoDouble, selection: str) -> None:
    await run.ready(LARGE)
    embedder = EmbedderConfig(deployment_type="local", model_name="nvidia/embedder", tag="1")
    icl = IclConfig(
        example_selection=selection,
        max_examples=6,
        similarity_config=SimilarityConfig(embedding_nim_config=embedder),
    )
    job = run.evaluate("icl-eval", LARGE, icl=icl)
    status = await run.done(job)
    assert status.state == "completed"
    assert {len(one["messages"]) for one in double.world.asked} == {13}
    assert right(run.files.eval, await run.platform.predictions(job)) > 0.5
    shared = "team/flywheel-shared-nvidia-embedder"
    wanted = [shared] if selection == "semantic_similarity" else []
    assert double.world.made("deployment")[1:] == wanted
    assert double.world.made("deployment-deleted") == wanted

    artifact = status.artifact
    assert artifact is not None
    await run.platform.verify(artifact)
    again = run.evaluate("incumbent-eval", "someone", artifact=artifact.uri)
    asked = len(double.world.asked)
    assert (await run.done(again)).state == "completed"
    first, second = double.world.asked[:asked], double.world.asked[asked:]
    key = repr
    assert sorted(first, key=key) == sorted(second, key=key)
    write(Path(artifact.uri) / "examples.jsonl", b"{}\n")
    with pytest.raises(DataError):
        await run.platform.verify(artifact)


async def test_a_model_is_verified(run: Run, double: NemoDouble) -> None:
    await run.done(run.upload())
    artifact = (await run.done(run.customize())).artifact
    assert artifact is not None
    await run.platform.verify(artifact)
    double.world.models[artifact.uri]["spec"]["num_parameters"] += 1
    with pytest.raises(DataError, match="is not the one that training left"):
        await run.platform.verify(artifact)
    del double.world.models[artifact.uri]
    with pytest.raises(DataError, match="is gone from NeMo"):
        await run.platform.verify(artifact)


async def test_says_what_it_has(run: Run) -> None:
    platform = run.platform
    small, large = platform.candidates()
    assert (small.name, small.final_eval) == (SMALL, "customized-eval")
    assert (large.name, large.final_eval) == (LARGE, "icl-eval")
    assert small.takes_prompts
    assert await platform.budget() == {"training": 4, "inference": 4}
    assert platform.demand("deploy", LARGE) == ("inference", 2)
    assert platform.demand("customize", SMALL) == ("training", 1)
    assert platform.demand("evaluate", SMALL).amount == 0
    assert platform.demand("upload", SMALL).amount == 0
    assert platform.demand("deploy", "was/configured-once").amount == 0
    assert platform.expected_seconds("customize", SMALL) > 0
    assert "0 models served" in await platform.ping()


async def test_unknown_and_unfinished_jobs(run: Run) -> None:
    for job in (run.upload(), run.deploy(), run.customize(), run.evaluate()):
        status = await run.platform.poll(job)
        assert (status.state, status.error) == (
            "failed",
            f"The job '{job.name}' was never started.",
        )
    with pytest.raises(DataError):  # its datasets were never uploaded
        await run.platform.start(run.evaluate())
    await run.done(run.upload())
    with pytest.raises(NotFoundError):
        await run.platform.predictions(run.evaluate())


async def test_keys_are_sent_and_nowhere_kept(
    run: Run, double: NemoDouble, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await run.ready()
    await run.done(run.evaluate())
    assert KEY not in caplog.text
    kept = everything(tmp_path)
    assert kept
    assert KEY.encode() not in kept
    assert KEY not in repr(double.world)
