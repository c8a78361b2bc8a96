"""Served candidates: jobs of the local platform against a strict server that fails on demand."""

import asyncio
import json
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from flywheel.adapters.local_platform import LocalPlatform
from flywheel.adapters.local_platform.served_job import ANSWERS, evaluate
from flywheel.errors import DataError, InvalidInputError, UnavailableError
from flywheel.ports.platform import (
    CustomizeJob,
    DatasetFiles,
    EvalType,
    EvaluateJob,
    JobStatus,
    ModelArtifact,
    PredictionRow,
)
from flywheel.settings import IclConfig, ServedCandidateConfig, TrainingConfig
from flywheel.settings.sections import (
    EmbedderConfig,
    LocalPlatformConfig,
    Secrets,
    SimilarityConfig,
)
from tests.support.openai_server import (
    EMBEDDER,
    MODEL,
    OpenAIServer,
    drop,
    examples_of,
    prompt_tokens,
    question_of,
    serving,
    stall,
    status,
)
from tests.support.running import WORDS

KEY = "sk-hunter2"
NAME = "neighbour"
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("search", "book")
]


def write_datasets(folder: Path, train: list[Any], asked: list[Any]) -> DatasetFiles:
    """Lines as building writes them."""
    eval_lines = [
        {"id": str(i), "label": "", "request": r, "response": {}} for i, r in enumerate(asked)
    ]
    uris = {name: str(folder / f"{name}.jsonl") for name in ("train", "val", "eval")}
    for name, lines in (("train", train), ("val", []), ("eval", eval_lines)):
        write(uris[name], lines)
    return DatasetFiles(**uris, labels=list(WORDS))


def headlines(folder: Path, n: int = 60) -> tuple[DatasetFiles, list[str]]:
    """Headlines, and the labels of those that are asked. Every third is."""
    made = []
    for i in range(n):
        label = list(WORDS)[i % 3]
        words = WORDS[label]
        picked = [words[(i + k * k) % len(words)] for k in range(4)]
        made.append((f"{' '.join(picked)} {i}", f"[[[{label}]]]"))
    system = {"role": "system", "content": "Classify."}
    train = [
        {
            "messages": [
                system,
                {"role": "user", "content": text},
                {"role": "assistant", "content": label},
            ]
        }
        for i, (text, label) in enumerate(made)
        if i % 4
    ]
    asked = [
        {
            "model": "big",
            "messages": [system, {"role": "user", "content": text}],
            "temperature": 0.0,
            "max_tokens": 32,
            "stream": True,
            "user": "u1",
        }
        for text, _ in made[::4]
    ]
    return write_datasets(folder, train, asked), [label for _, label in made[::4]]


def lines_of(path: str) -> list[Any]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def write(path: str, lines: list[Any]) -> None:
    Path(path).write_text("".join(json.dumps(line) + "\n" for line in lines))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def requests_of(bench: "Bench") -> list[dict[str, Any]]:
    return [line["request"] for line in lines_of(bench.datasets.eval)]


class Bench:
    """Jobs in this process, which is quick; processes are tested apart."""

    def __init__(self, folder: Path, server: OpenAIServer) -> None:
        self.folder, self.server = folder, server
        self.datasets, self.labels = headlines(folder)
        self.told: list[str] = []

    def config(self, **more: Any) -> ServedCandidateConfig:
        quick = {"retry_seconds": 0.001, "timeout_seconds": 5.0, "max_attempts": 3}
        named = {"name": NAME, "url": self.server.url, "model_name": MODEL}
        return ServedCandidateConfig(**{**named, **quick, **more})

    def job(self, eval_type: EvalType = "base-eval", **more: Any) -> EvaluateJob:
        return EvaluateJob(
            name=f"run1-{NAME}-{eval_type}",
            run_uid="run1",
            candidate=NAME,
            seed=7,
            datasets=self.datasets,
            eval_type=eval_type,
            **more,
        )

    async def ask(
        self,
        eval_type: EvalType = "base-eval",
        artifact: str | None = None,
        icl: Any = None,
        **more: Any,
    ) -> tuple[list[PredictionRow], ModelArtifact | None, str]:
        job = self.job(eval_type, artifact=artifact, icl=icl)
        (self.folder / ANSWERS).unlink(missing_ok=True)
        return await asyncio.to_thread(
            evaluate,
            job,
            self.config(**more),
            self.folder,
            self.folder / "model",
            lambda _, text: self.told.append(text),
        )

    def right(self, rows: list[PredictionRow]) -> int:
        return sum(r.answer == label for r, label in zip(rows, self.labels, strict=True))


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FLYWHEEL_SERVED_API_KEY", "FLYWHEEL_EMBEDDING_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with serving() as opened:
        yield opened


@pytest.fixture
def bench(tmp_path: Path, server: OpenAIServer) -> Bench:
    return Bench(tmp_path, server)


async def test_requests_are_asked_as_they_were_logged(bench: Bench) -> None:
    bench.server.before = asyncio.Barrier(3).wait
    rows, artifact, said = await bench.ask(max_concurrent_requests=3)
    assert [row.row for row in rows] == list(range(15))
    assert {row.answer for row in rows} == {"[[[Earnings]]]"}
    assert (artifact, said) == (None, "")
    server = bench.server
    assert server.refused == []
    assert server.most_at_once == 3
    body = next(b for b in server.bodies if question_of(b["messages"]).endswith(" 0"))
    logged = requests_of(bench)[0]
    assert body == {
        "model": MODEL,
        "messages": logged["messages"],
        "temperature": 0.0,
        "max_tokens": 32,
    }
    assert all(0 < row.seconds < 5 for row in rows)
    assert rows[0].input_tokens == prompt_tokens(body), "as the server counts"


async def test_tokens_are_estimated_where_the_server_does_not_count(bench: Bench) -> None:
    counted, _, _ = await bench.ask()
    bench.server.usage = False
    estimated, _, _ = await bench.ask()
    assert all(e.input_tokens >= c.input_tokens for e, c in zip(estimated, counted, strict=True))
    assert all(e.output_tokens > 0 for e in estimated)


async def test_examples_help_and_come_from_the_training_set(bench: Bench) -> None:
    base, _, _ = await bench.ask()
    icl = IclConfig(max_examples=6, min_examples=3)
    shown, artifact, said = await bench.ask("icl-eval", icl=icl)
    assert bench.right(base) == 5
    assert bench.right(shown) > 10
    assert said == ""
    train = {line["messages"][1]["content"] for line in lines_of(bench.datasets.train)}
    asked = bench.server.with_examples
    assert len(asked) == 15
    for body in asked:
        found = examples_of(body["messages"])
        assert {text for text, _ in found} <= train
        assert Counter(a["content"] for _, a in found) == {f"[[[{c}]]]": 2 for c in WORDS}
    assert artifact is not None
    assert artifact.params["max_examples"] == 6


async def test_likeness_chooses_for_each_request(bench: Bench) -> None:
    similarity = SimilarityConfig(relevance_ratio=1.0)
    icl = IclConfig(
        max_examples=2, example_selection="semantic_similarity", similarity_config=similarity
    )
    rows, artifact, _ = await bench.ask("icl-eval", icl=icl)
    assert bench.right(rows) == 15
    assert artifact is not None
    assert artifact.params["likeness"] in {"tfidf", "minilm"}
    assert artifact.train_records == 45, "all of the training set is needed to ask again"
    chosen = {tuple(t for t, _ in examples_of(b["messages"])) for b in bench.server.with_examples}
    assert len(chosen) > 5


async def test_an_endpoint_may_measure_likeness(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = EmbedderConfig(
        url=f"{bench.server.url}/embeddings", model_name=EMBEDDER, retry_seconds=0.001
    )
    icl = IclConfig(
        max_examples=3,
        example_selection="semantic_similarity",
        similarity_config=SimilarityConfig(relevance_ratio=0.7, embedding_nim_config=embedder),
    )
    rows, artifact, _ = await bench.ask("icl-eval", icl=icl)
    assert bench.right(rows) == 15
    assert artifact is not None
    assert artifact.params["likeness"] == "endpoint"
    assert sum(len(batch) for batch in bench.server.embedded) == 60
    assert max(len(batch) for batch in bench.server.embedded) == 32

    bench.server.key = KEY
    monkeypatch.setenv("FLYWHEEL_EMBEDDING_API_KEY", "sk-hunter3")
    with pytest.raises(
        UnavailableError, match=r"The embedder at .* refuses .* [(]401[)]"
    ) as caught:
        await bench.ask("icl-eval", icl=icl)
    assert "FLYWHEEL_EMBEDDING_API_KEY" in caught.value.hint
    assert "hunter" not in str(caught.value)


async def test_what_does_not_fit_is_asked_without_examples_and_counted(bench: Bench) -> None:
    lines = lines_of(bench.datasets.eval)
    longer = json.loads(json.dumps(lines[0]))
    longer["request"]["messages"][1]["content"] += " long" * 300
    write(bench.datasets.eval, [*lines, longer])
    bench.labels.append(bench.labels[0])
    icl = IclConfig(max_context_length=400, reserved_tokens=100, max_examples=8, min_examples=2)
    rows, _, said = await bench.ask("icl-eval", icl=icl)
    assert said == "1 of 16 asked without examples: too few fit"
    assert len(rows) == 16
    lengths = {len(examples_of(b["messages"])) for b in bench.server.bodies}
    assert 0 in lengths
    assert all(n == 0 or 2 <= n < 8 for n in lengths)


async def test_what_may_pass_is_asked_again(bench: Bench) -> None:
    questions = [question_of(r["messages"]) for r in requests_of(bench)]
    bench.server.faults = {
        questions[0]: [status(429, **{"Retry-After": "0"}), status(500)],
        questions[1]: [drop, stall],
        questions[2]: [status(503), status(408)],
    }
    rows, _, said = await bench.ask(timeout_seconds=0.5)
    assert {row.answer for row in rows} == {"[[[Earnings]]]"}
    assert said == ""
    assert [bench.server.asked[q] for q in questions[:4]] == [3, 3, 3, 1]
    assert all(row.seconds < 0.5 for row in rows), "waiting and earlier attempts do not count"


async def test_a_few_failures_count_as_wrong_answers_and_are_said(bench: Bench) -> None:
    write(bench.datasets.eval, lines_of(bench.datasets.eval) * 2)  # of 30 one may fail
    question = question_of(requests_of(bench)[0]["messages"])
    long = f"the prompt is too long, {KEY} or not"
    bench.server.faults[question] = [status(400, long)]
    rows, _, said = await bench.ask(max_concurrent_requests=1)
    assert [row.row for row in rows if row.answer == ""] == [0]
    assert said == (
        "1 failed and count as wrong (it answered 400: the prompt is too long, sk-hunter2 or not)"
    )
    assert bench.told[-1].startswith("answered 30 of 30, 1 failed")
    assert bench.server.asked[question] == 2, "asked once in vain, and again for its copy"


async def test_a_server_may_not_give_the_key_away(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLYWHEEL_SERVED_API_KEY", KEY)
    bench.server.key = KEY
    bench.server.every = status(400, f"cannot read Bearer {KEY}")
    with pytest.raises(UnavailableError, match="cannot read Bearer …") as caught:
        await bench.ask()
    assert "hunter" not in str(caught.value) + "".join(bench.told)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (status(500, "out of memory"), "because it answered 500: out of memory"),
        (status(400, "no template"), "because it answered 400: no template"),
        (stall, "because no answer within 0.1 s"),
        (drop, "because the connection failed"),
    ],
)
async def test_too_many_failures_fail_the_job_soon(
    bench: Bench, fault: Callable[[Any], Any], sentence: str
) -> None:
    bench.server.every = fault
    with pytest.raises(UnavailableError, match=sentence):
        await bench.ask(timeout_seconds=0.1, max_concurrent_requests=1)
    assert bench.server.asked.total() <= 3, "one request is enough to know"


@pytest.mark.parametrize(
    ("wrong", "message", "hint"),
    [
        (
            {},
            "neighbour at .* refuses requests to neighbour-1 [(]401[)]",
            "FLYWHEEL_SERVED_API_KEY",
        ),
        ({"model_name": "gone"}, "[(]404: The model `gone` does not exist", "model_name of 'neigh"),
        ({"url": "http://127.0.0.1:9/v1"}, "127.0.0.1:9/v1/chat/completions cannot be", "running"),
    ],
)
async def test_an_endpoint_that_refuses_everything_is_one_sentence(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any], message: str, hint: str
) -> None:
    monkeypatch.setenv("FLYWHEEL_SERVED_API_KEY", KEY)
    bench.server.key = KEY if wrong else "another-hunter3"
    with pytest.raises(UnavailableError, match=message) as caught:
        await bench.ask(**wrong)
    assert hint in caught.value.hint
    assert "hunter" not in str(caught.value)
    assert bench.server.asked.total() == 0


async def test_tool_calls_are_answered_and_shown_in_examples(bench: Bench, tmp_path: Path) -> None:
    def asking(text: str) -> dict[str, Any]:
        return {
            "messages": [{"role": "user", "content": text}],
            "tools": TOOLS,
            "tool_choice": "auto",
        }

    def taught(text: str, name: str) -> dict[str, Any]:
        function = {"name": name, "arguments": {"q": text}}  # parsed, as building leaves them
        answer = {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_abc", "type": "function", "function": function}],
        }
        return {"messages": [{"role": "user", "content": text}, answer], "tools": TOOLS}

    train = [taught(f"find news {i}", "search") for i in range(4)]
    train += [taught(f"reserve a table {i}", "book") for i in range(4)]
    questions = ["find music", "reserve a room"]
    bench.datasets = write_datasets(tmp_path, train, [asking(q) for q in questions])
    base, _, _ = await bench.ask()
    assert [row.tool_calls[0]["function"]["name"] for row in base if row.tool_calls] == [
        "search"
    ] * 2
    shown, _, _ = await bench.ask("icl-eval", icl=IclConfig(max_examples=4))
    calls = [row.tool_calls[0]["function"] for row in shown if row.tool_calls]
    assert [call["name"] for call in calls] == ["search", "book"]
    assert json.loads(calls[1]["arguments"])["q"].startswith("reserve a table")
    assert [row.answer for row in shown] == ["", ""]
    assert bench.server.refused == [], "the server checks roles, ids and results"


async def test_an_answer_that_no_database_holds_is_cleaned(bench: Bench) -> None:
    bench.server.constant = "a\0b\ud83d"
    rows, _, _ = await bench.ask()
    assert rows[0].answer == "a\N{REPLACEMENT CHARACTER}b?"


async def test_what_is_kept_can_be_asked_again_and_verified(bench: Bench) -> None:
    icl = IclConfig(max_examples=6, min_examples=3)
    shown, artifact, _ = await bench.ask("icl-eval", icl=icl)
    assert artifact is not None
    folder = Path(artifact.uri)
    assert names_in(folder) == ["SHA256SUMS", "examples.jsonl", "served.json"]
    assert artifact.digest == sha256((folder / "SHA256SUMS").read_bytes()).hexdigest()
    first = [body["messages"] for body in bench.server.with_examples]
    bench.server.bodies.clear()
    write(bench.datasets.train, [])  # an incumbent needs nothing of its run but its files
    again, nothing, _ = await bench.ask("incumbent-eval", artifact=artifact.uri, model_name="other")
    assert nothing is None
    assert [r.answer for r in again] == [r.answer for r in shown]
    second = [body["messages"] for body in bench.server.with_examples]
    assert sorted(first, key=question_of) == sorted(second, key=question_of)

    platform = LocalPlatform(bench.folder, ["hashing-sgd"], 1)
    await platform.verify(artifact)
    write(str(folder / "examples.jsonl"), [{}])
    with pytest.raises(DataError, match="is not the file"):
        await platform.verify(artifact)
    with pytest.raises(DataError, match="is not the file"):
        await bench.ask("incumbent-eval", artifact=artifact.uri)


# --- processes --------------------------------------------------------------------------------


def platform_of(bench: Bench, **more: Any) -> LocalPlatform:
    secrets = Secrets(served_api_key=SecretStr(KEY))
    config = bench.config(**more)
    return LocalPlatform(
        bench.folder / "home", ["tfidf-svm", NAME], 2, served=[config], secrets=secrets
    )


async def ended(platform: LocalPlatform, job: EvaluateJob | CustomizeJob) -> JobStatus:
    async with asyncio.timeout(30):
        while (found := await platform.poll(job)).state == "running":
            await asyncio.sleep(0.02)
    return found


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def kill(home: Path) -> Path:
    """SIGKILL to the only job; its folder."""
    pid = next(home.rglob("pid"))
    os.kill(int(pid.read_text()), signal.SIGKILL)
    return pid.parent


def holding(folder: Path, text: bytes) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if text in path.read_bytes()]


async def test_a_killed_job_goes_on_where_it_was_and_the_key_is_in_no_file(bench: Bench) -> None:
    server, platform, job = bench.server, platform_of(bench, max_concurrent_requests=1), bench.job()
    server.key = KEY
    questions = [question_of(r["messages"]) for r in requests_of(bench)]
    server.faults[questions[7]] = [stall]
    await platform.start(job)
    await platform.start(job)
    await until(lambda: server.asked[questions[7]] == 1)
    job_folder = kill(bench.folder / "home")
    found = await ended(platform, job)
    assert found.state == "completed", found.error
    rows = await platform.predictions(job)
    assert {row.answer for row in rows} == {"[[[Earnings]]]"}
    expected = Counter(questions)
    expected[questions[7]] += 1
    assert server.asked == expected, "what was answered is not asked again"
    assert (job_folder / "attempts").read_text() == "2"
    assert holding(bench.folder, b"Classify") != []
    assert holding(bench.folder, b"hunter") == []


async def test_cancel_stops_asking(bench: Bench) -> None:
    bench.server.every = stall
    platform, job = platform_of(bench, max_concurrent_requests=2), bench.job()
    await platform.start(job)
    await until(lambda: bench.server.at_once == 2)
    started = time.monotonic()
    assert await platform.cancel(job)
    assert time.monotonic() - started < 5
    assert (await ended(platform, job)).state == "cancelled"
    await until(lambda: bench.server.at_once == 0)
    assert bench.server.asked.total() == 2


async def test_a_served_model_is_a_candidate_like_the_students(bench: Bench) -> None:
    platform = platform_of(bench)
    student, served = platform.candidates()
    assert (student.name, served.name) == ("tfidf-svm", NAME)
    assert (served.customizable, served.takes_prompts) == (False, True)
    assert served.final_eval == "icl-eval"
    assert MODEL in served.description
    assert platform.workload_types == {"classification", "tool_calling", "generic"}
    with pytest.raises(InvalidInputError, match="Did you mean 'neighbour'"):
        await platform.start(bench.job().model_copy(update={"candidate": "neighbor"}))
    with pytest.raises(InvalidInputError, match="as a student is called"):
        LocalPlatform(bench.folder, ["tfidf-svm"], 1, served=[bench.config(name="tfidf-svm")])
    job = CustomizeJob(
        name="c", run_uid="run1", candidate=NAME, seed=1, datasets=bench.datasets,
        training=TrainingConfig(),
    )  # fmt: skip
    with pytest.raises(InvalidInputError, match="is only asked"):
        await platform.start(job)
    with pytest.raises(InvalidInputError, match="'customized-eval' is for models"):
        await bench.ask("customized-eval")


async def test_the_doctor_hears_what_answers(bench: Bench) -> None:
    bench.server.key = KEY
    assert await platform_of(bench).ping_candidate("tfidf-svm") is None
    assert await platform_of(bench).ping_candidate(NAME) == f"{bench.server.url} serves {MODEL}"
    with pytest.raises(UnavailableError, match="does not serve other") as caught:
        await platform_of(bench, model_name="other").ping_candidate(NAME)
    assert caught.value.hint == f"It has: {MODEL}."
    with pytest.raises(UnavailableError, match="cannot be reached"):
        await platform_of(bench, url="http://127.0.0.1:9/v1").ping_candidate(NAME)
    bench.server.key = "another"
    with pytest.raises(UnavailableError, match="401") as caught:
        await platform_of(bench).ping_candidate(NAME)
    assert "FLYWHEEL_SERVED_API_KEY" in caught.value.hint
    assert "hunter" not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"url": "http://me:hunter2@host/v1"}, "without a user, password or query"),
        ({"url": "http://host/v1?key=hunter2"}, "without a user, password or query"),
        ({"url": "ftp://host"}, "it must be an address"),
        ({"name": "a/b"}, "a candidate's name has"),
        ({"name": "../a"}, "a candidate's name has"),
    ],
)
def test_settings_that_cannot_be(wrong: dict[str, str], sentence: str) -> None:
    good = {"name": "a", "url": "http://host/v1", "model_name": "m"}
    ServedCandidateConfig(**good)  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match=sentence) as caught:
        ServedCandidateConfig(**{**good, **wrong})  # type: ignore[arg-type]
    assert "hunter" not in str(caught.value)
    with pytest.raises(ValidationError, match="two candidates are called a"):
        LocalPlatformConfig.model_validate({"served": [good, good]})
