"""What of the NeMo Platform adapter needs no server of NVIDIA: faults, names, the student's API."""

import math
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from flywheel.adapters.nemo_platform import evaluator, names, student_server, training
from flywheel.adapters.nemo_platform.client import NemoPlatformClient
from flywheel.adapters.nemo_platform.student_server import Reply
from flywheel.adapters.nemo_platform.transport import Transport
from flywheel.adapters.nemo_platform.wire import PlatformJob
from flywheel.errors import ConflictError, InvalidInputError, SettingsError, UnavailableError
from flywheel.ports.platform import CustomizeJob, DatasetFiles
from flywheel.settings import NemoPlatformConfig, TrainingConfig

Handler = Callable[[web.Request, int], web.StreamResponse]


class Faulty:
    """Answers as `plan` says: path to what is done with a request and its number, from 1."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: Counter[str] = Counter()
        self.plan: dict[str, Handler] = {}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        key = f"{request.method} {request.path.rpartition('/')[2]}"
        self.seen[key] += 1
        return self.plan[key](request, self.seen[key])


@pytest.fixture
async def faulty() -> AsyncIterator[Faulty]:
    server = Faulty()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@asynccontextmanager
async def connected(url: str, token: str | None = None) -> AsyncIterator[NemoPlatformClient]:
    config = NemoPlatformConfig(base_url=url, max_attempts=3, retry_seconds=0.001)
    secret = None if token is None else SecretStr(token)
    client = NemoPlatformClient(Transport(config, secret), "flywheel")
    yield client
    await client.close()


def after(failures: int, status: int, answer: Any) -> Handler:
    """Fail so often, then answer."""

    def handle(_: web.Request, number: int) -> web.StreamResponse:
        if number <= failures:
            return web.json_response({"detail": "busy"}, status=status)
        return web.json_response(answer)

    return handle


def hang_up(request: web.Request, _: int) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_what_is_safe_to_repeat_is_repeated(faulty: Faulty, status: int) -> None:
    faulty.plan["GET filesets"] = after(2, status, {"data": [{"name": "a"}]})
    faulty.plan["DELETE a"] = after(2, status, {})
    faulty.plan["PUT x"] = after(2, status, {})
    async with connected(faulty.url) as client:
        assert await client.names("filesets") == ["a"]
        await client.delete("filesets", "a")
        assert await client.upload("a", "x", b"1") == "flywheel/a#x"
    assert set(faulty.seen.values()) == {3}


async def test_creating_is_not_repeated(faulty: Faulty) -> None:
    faulty.plan["POST filesets"] = after(1, 503, {})
    async with connected(faulty.url) as client:
        with pytest.raises(UnavailableError, match=r"503 to POST .*: busy"):
            await client.create("filesets", {"name": "a"})
    assert faulty.seen["POST filesets"] == 1


async def test_asking_a_busy_model_is_repeated(faulty: Faulty) -> None:
    completion = {"choices": [{"message": {"content": "yes"}}]}
    faulty.plan["POST completions"] = after(2, 429, completion)
    async with connected(faulty.url) as client:
        answer, seconds = await client.complete({"model": "m", "messages": []})
    assert answer.choices[0]["message"]["content"] == "yes"
    assert seconds > 0


@pytest.mark.parametrize("made", [True, False])
async def test_a_lost_answer_to_a_creation_is_looked_up(faulty: Faulty, made: bool) -> None:
    faulty.plan["POST filesets"] = hang_up
    faulty.plan["GET a"] = after(0 if made else 9, 404, {"name": "a"})
    async with connected(faulty.url) as client:
        if made:
            assert not await client.create("filesets", {"name": "a"})
        else:
            with pytest.raises(UnavailableError, match="does not answer"):
                await client.create("filesets", {"name": "a"})
    assert faulty.seen["POST filesets"] == 1


async def test_a_server_that_is_not_there_is_one_sentence(unused_tcp_port: int) -> None:
    async with connected(f"http://me:hunter2@127.0.0.1:{unused_tcp_port}") as client:
        with pytest.raises(UnavailableError, match=r"does not answer \(ConnectError") as caught:
            await client.version()
    assert "hunter2" not in str(caught.value)


async def test_a_token_is_sent_and_never_shown(faulty: Faulty) -> None:
    def refuse(request: web.Request, _: int) -> web.StreamResponse:
        assert request.headers["Authorization"] == "Bearer hunter2"
        return web.json_response({"detail": "no"}, status=403)

    faulty.plan["GET cluster-info"] = refuse
    async with connected(faulty.url, "hunter2") as client:
        with pytest.raises(UnavailableError, match="FLYWHEEL_NEMO_PLATFORM_TOKEN") as caught:
            await client.version()
    assert "hunter2" not in str(caught.value)
    assert faulty.seen["GET cluster-info"] == 1


async def test_an_answer_of_another_kind_is_one_sentence(faulty: Faulty) -> None:
    faulty.plan["GET status"] = after(0, 0, {"name": "j", "status": "dancing"})
    async with connected(faulty.url) as client:
        with pytest.raises(UnavailableError, match="something else than PlatformJob: status"):
            await client.job("students", "j")


async def test_a_conflict_elsewhere_is_a_conflict(faulty: Faulty) -> None:
    faulty.plan["DELETE a"] = after(9, 409, {})
    async with connected(faulty.url) as client:
        with pytest.raises(ConflictError):
            await client.delete("models", "a")


@pytest.mark.parametrize("url", ["nemo", "ftp://nemo.test", "http://"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(SettingsError, match="no web address"):
        Transport(NemoPlatformConfig(base_url=url), None)


async def test_rows_that_the_evaluator_lacks_are_asked(faulty: Faulty) -> None:
    def row(index: int, text: str | None) -> str:
        message = {"choices": [{"message": {"content": text}}], "usage": {"prompt_tokens": 3}}
        sample = {"response": message} if text else {}
        return httpx.Response(200, json={"row_index": index, "sample": sample}).text

    lines = [row(1, "one"), row(0, "zero"), row(3, None)]
    faulty.plan["GET download"] = lambda *_: web.Response(text="\n".join(lines))
    faulty.plan["POST completions"] = after(
        0, 0, {"choices": [{"message": {"content": "asked"}}], "usage": {"completion_tokens": 2}}
    )
    requests = {n: {"messages": [{"role": "user", "content": str(n)}]} for n in range(4)}
    async with connected(faulty.url) as client:
        found = await evaluator.predictions(client, "e", "w/m", requests, parallel=2)
    assert [(r.row, r.answer) for r in found] == [
        (0, "zero"),
        (1, "one"),
        (2, "asked"),
        (3, "asked"),
    ]
    assert [(r.input_tokens, r.output_tokens) for r in found] == [(3, 0), (3, 0), (0, 2), (0, 2)]
    assert all(r.seconds > 0 for r in found)
    assert faulty.seen["POST completions"] == 4  # two to answer, two to time


def test_why_a_job_failed_is_the_last_line_of_its_log() -> None:
    stack = 'cut off}\n{"message": "[stderr] The training set has one label only."}\n'
    times = {"created_at": "2026-01-01T00:00:00", "updated_at": "2026-01-01T00:00:01"}
    job = {
        "name": "j",
        "status": "error",
        "error_details": {"message": "Job exited with code 1"},
        "steps": [{**times, "tasks": [{"error_stack": stack}]}],
    }
    assert PlatformJob.model_validate(job).why == "The training set has one label only."
    assert PlatformJob.model_validate({**job, "steps": []}).why == "Job exited with code 1"


@given(st.lists(st.text(min_size=1), min_size=1, max_size=3))
def test_names_are_valid_there(parts: list[str]) -> None:
    name = names.external("fw-0123456789ab", *parts)
    assert len(name) <= names.LONGEST
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert "--" not in name
    assert not name.endswith("-")
    assert name == names.external("fw-0123456789ab", *parts)
    assert names.run_uid_of(names.job_fileset(name)) in {"fw-0123456789ab", None}


def test_different_things_have_different_names() -> None:
    same = ["meta/llama-3.2-1b", "meta/llama-3-2-1b", "meta-llama-3-2-1b", "Meta/llama-3.2-1b"]
    assert len({names.external("fw-1", one) for one in same}) == len(same)
    assert len({names.external("fw-1", "x" * 60, end) for end in "ab"}) == 2
    assert names.external("fw-1", "tfidf-svm", "customize") == "fw-1-tfidf-svm-customize"


@pytest.mark.parametrize(
    ("backend", "sentence"),
    [("unsloth", "unsloth cannot do"), ("automodel", "needs a teacher")],
)
def test_distillation_that_cannot_be(backend: str, sentence: str) -> None:
    job = CustomizeJob(
        name="fw-1-m-customize",
        run_uid="fw-1",
        candidate="m",
        seed=1,
        datasets=DatasetFiles(train="t", val="v", eval="e", labels=[]),
        training=TrainingConfig(training_type="distillation"),
    )
    config = NemoPlatformConfig.model_validate({"backend": backend})
    with pytest.raises(InvalidInputError, match=sentence):
        training.spec(job, config)


@pytest.fixture
async def student() -> AsyncIterator[httpx.AsyncClient]:
    """A served student that says the number of words, and is half sure of it."""
    application = student_server.app("words", lambda text: Reply(str(len(text.split())), 0.5))
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://student.test") as client:
        yield client


async def test_a_student_speaks_openais_api(student: httpx.AsyncClient) -> None:
    assert [m["id"] for m in (await student.get("/v1/models")).json()["data"]] == ["words"]
    body = {
        "model": "words",
        "messages": [
            {"role": "system", "content": "Count."},
            {"role": "user", "content": [{"type": "text", "text": "one two three"}]},
        ],
        "temperature": 0,
    }
    answer = (await student.post("/v1/chat/completions", json=body)).json()
    choice = answer["choices"][0]
    assert choice["message"] == {"role": "assistant", "content": "[[[3]]]"}
    assert math.exp(choice["logprobs"]["content"][0]["logprob"]) == pytest.approx(0.5)
    assert answer["usage"]["prompt_tokens"] == 3


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({"model": "other", "messages": []}, 404, "The model here is 'words'."),
        ({"model": "words", "messages": [], "stream": True}, 400, "Streams are not offered"),
        ({"model": "words"}, 400, "see 'messages'"),
        ({"model": "words", "messages": "hi"}, 400, "see 'messages'"),
    ],
)
async def test_a_student_refuses_in_a_sentence(
    student: httpx.AsyncClient, body: dict[str, Any], status: int, sentence: str
) -> None:
    answer = await student.post("/v1/chat/completions", json=body)
    assert answer.status_code == status
    assert sentence in answer.json()["error"]["message"]
