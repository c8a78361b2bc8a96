"""The judge's client against a server that is strict, slow, busy, broken and talkative."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from flywheel.adapters.judge_cache import JudgeCache
from flywheel.adapters.openai_judge import OpenAIJudge
from flywheel.errors import SettingsError, UnavailableError
from flywheel.evaluation.judge import JudgePair
from flywheel.settings.endpoints import JudgeConfig

KEY = "nvapi-hunter2"
MODEL = "meta/llama-3.3-70b-instruct"

Reply = Callable[[], Awaitable[web.StreamResponse]]


class JudgeServer:
    """Speaks /v1/chat/completions. What an answer to judge says decides what happens to it.

    `plan` has, by answer, what is done at each attempt; after that, and for all others, the
    score is the number of words that the answer shares with its reference.
    """

    def __init__(self) -> None:
        self.url = ""
        self.attempts: Counter[str] = Counter()
        self.faults: list[str] = []  # in what the client sends
        self.at_once = self.most_at_once = 0
        self.plan: dict[str, list[Reply]] = {}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0)
            return await self._answer(request)
        finally:
            self.at_once -= 1

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return web.json_response({"error": f"not {KEY}"}, status=401)
        body = await request.json()
        if body.get("model") != MODEL:
            return web.json_response({"error": "no such model"}, status=404)
        pair = self._check(request, body)
        attempt = self.attempts[pair["answer"]]
        self.attempts[pair["answer"]] += 1
        planned = self.plan.get(pair["answer"], [])
        if attempt < len(planned):
            return await planned[attempt]()
        shared = set(pair["answer"].split()) & set(pair["reference"].split())
        return completion(f'They share {len(shared)}.\n{{"score": {len(shared)}}}')

    def _check(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        if request.content_type != "application/json":
            self.faults.append(request.content_type)
        if body.keys() != {"model", "messages", "temperature", "max_tokens"}:
            self.faults.append(f"keys {sorted(body)}")
        if body["temperature"] != 0:
            self.faults.append("not greedy")
        if [message["role"] for message in body["messages"]] != ["system", "user"]:
            self.faults.append("roles")
        if not body["messages"][0]["content"].startswith("You "):
            self.faults.append("the prompt starts with something else")
        pair: dict[str, Any] = json.loads(body["messages"][1]["content"])
        return pair


def completion(text: str | None) -> web.Response:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    return web.json_response({"object": "chat.completion", "model": MODEL, "choices": [choice]})


def says(text: str | None) -> Reply:
    async def reply() -> web.StreamResponse:
        return completion(text)

    return reply


def status(code: int, **headers: str) -> Reply:
    async def reply() -> web.StreamResponse:
        return web.Response(status=code, text=f"your key is {KEY}", headers=headers)

    return reply


def sends(text: str) -> Reply:
    async def reply() -> web.StreamResponse:
        return web.Response(text=text)

    return reply


def stalls() -> Reply:
    async def reply() -> web.StreamResponse:
        await asyncio.sleep(30)  # the client leaves long before
        return completion('{"score": 10}')

    return reply


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[JudgeServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    judge = JudgeServer()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", judge.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    judge.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield judge
    await runner.cleanup()
    assert judge.faults == []


@asynccontextmanager
async def client(
    server: JudgeServer, folder: Path, key: str | None = KEY, **settings: Any
) -> AsyncIterator[OpenAIJudge]:
    quick = {"retry_seconds": 0.001, "timeout_seconds": 5.0, "max_attempts": 3}
    config = JudgeConfig(**{"url": server.url, "model_name": MODEL, **quick, **settings})
    secret = None if key is None else SecretStr(key)
    async with OpenAIJudge(config, secret, JudgeCache(folder / "judge")) as judge:
        yield judge


def pair(answer: str, reference: str = "one two three") -> JudgePair:
    return JudgePair(request=[{"role": "user", "content": "?"}], reference=reference, answer=answer)


async def test_scores_in_order_and_no_more_requests_at_once_than_allowed(
    server: JudgeServer, tmp_path: Path
) -> None:
    pairs = [pair("one"), pair("one two \ud83d"), pair("three two one 🙂")]
    pairs += [pair(f"one {i}") for i in range(40)]
    async with client(server, tmp_path, max_concurrent_requests=4) as judge:
        scores, judgements = await judge.judge("similarity", pairs, 0.95)
    assert [j.score for j in judgements] == [1, 2, 3] + [1] * 40
    assert (scores.n, scores.scored, scores.failed, scores.unreadable) == (43, 43, 0, 0)
    assert scores.mean is not None
    assert scores.mean.value == pytest.approx((1 + 2 + 3 + 40) / 43)
    assert scores.model == MODEL
    assert len(scores.prompt_digest) == 64
    assert 1 < server.most_at_once <= 4


async def test_the_full_address_works_as_well(server: JudgeServer, tmp_path: Path) -> None:
    async with client(server, tmp_path, url=f"{server.url}/chat/completions") as judge:
        scores, _ = await judge.judge("similarity", [pair("one")], 0.95)
    assert scores.scored == 1


async def test_what_may_pass_is_asked_again(server: JudgeServer, tmp_path: Path) -> None:
    server.plan = {
        "one": [status(429, **{"Retry-After": "0"}), status(500)],
        "one two": [status(503), stalls()],
        "three": [
            status(429, **{"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}),
            status(429, **{"Retry-After": "when it suits you"}),
        ],
        "two": [sends("<html>busy</html>"), sends('{"choices": []}')],
    }
    # Long enough for a busy machine: only what never answers runs into it.
    async with client(server, tmp_path, timeout_seconds=1.5) as judge:
        scores, judgements = await judge.judge("similarity", [pair(a) for a in server.plan], 0.95)
    assert [j.score for j in judgements] == [1, 2, 1, 1]
    assert scores.failed == 0
    assert server.attempts == {"one": 3, "one two": 3, "three": 3, "two": 3}


async def test_it_waits_as_long_as_the_server_asks(server: JudgeServer, tmp_path: Path) -> None:
    server.plan = {"one": [status(429, **{"Retry-After": "1"})]}
    clock = asyncio.get_running_loop().time
    async with client(server, tmp_path) as judge:
        started = clock()
        scores, _ = await judge.judge("similarity", [pair("one")], 0.95)
    assert clock() - started >= 1
    assert scores.scored == 1


async def test_what_does_not_pass_is_counted_and_never_guessed(
    server: JudgeServer, tmp_path: Path
) -> None:
    server.plan = {
        "one": [status(500)] * 9,
        "two": [status(429)] * 9,
        "three": [stalls()] * 9,
        "one two": [status(400)] * 9,  # e.g. too long for its context: not asked again
        "one three": [says("I would say 8 of 10")],
        "two three": [says(None)],
        "four": [says('{"score": 3}')],
    }
    async with client(server, tmp_path, timeout_seconds=0.2) as judge:
        scores, judgements = await judge.judge("similarity", [pair(a) for a in server.plan], 0.95)
    assert [j.outcome for j in judgements] == ["failed"] * 4 + ["unreadable"] * 2 + ["scored"]
    assert (scores.n, scores.scored, scores.failed, scores.unreadable) == (7, 1, 4, 2)
    assert scores.mean is not None
    assert scores.mean.value == 3
    assert [j.error for j in judgements[:4]] == [
        "The judge did not judge in 3 attempts: it answered 500.",
        "The judge did not judge in 3 attempts: it answered 429.",
        "The judge did not judge in 3 attempts: no answer within 0.2 s.",
        "The judge did not judge: it answered 400.",
    ]
    assert server.attempts["three"] == 3
    assert server.attempts["one two"] == 1


async def test_scores_are_kept_and_failures_are_not(server: JudgeServer, tmp_path: Path) -> None:
    server.plan = {"two": [says("hm")], "three": [status(400)]}
    pairs = [pair("one"), pair("two"), pair("three"), pair("one")]
    async with client(server, tmp_path) as judge:
        first, _ = await judge.judge("similarity", pairs, 0.95)
        assert server.attempts["one"] == 1, "equal pairs are asked once"
        again, _ = await judge.judge("similarity", pairs, 0.95)
    assert (first.scored, first.unreadable, first.failed) == (2, 1, 1)
    assert (again.scored, again.unreadable, again.failed) == (4, 0, 0)
    assert server.attempts == {"one": 1, "two": 2, "three": 2}
    async with client(server, tmp_path) as judge:  # another process, another task
        await judge.judge("similarity", pairs, 0.95)
        assert server.attempts == {"one": 1, "two": 2, "three": 2}
        other, _ = await judge.judge("tool-calling", [pair("one")], 0.95)
    assert server.attempts["one"] == 2, "another prompt is another question"
    assert other.prompt_digest != first.prompt_digest


async def test_a_damaged_reply_in_the_cache_is_asked_anew(
    server: JudgeServer, tmp_path: Path
) -> None:
    async with client(server, tmp_path) as judge:
        await judge.judge("similarity", [pair("one")], 0.95)
        (kept,) = (tmp_path / "judge").rglob("*.json")
        assert KEY not in kept.read_text()
        for damage in ("", "{", "[]", '{"reply": 5}'):
            kept.write_text(damage)
            scores, _ = await judge.judge("similarity", [pair("one")], 0.95)
            assert scores.scored == 1
    assert server.attempts["one"] == 5


@pytest.mark.parametrize(
    ("wrong", "message", "hint"),
    [
        ({"key": None}, "refuses requests to meta/.* [(]401", "FLYWHEEL_LLM_JUDGE_API_KEY"),
        ({"key": "other-hunter3"}, "(401)", "FLYWHEEL_LLM_JUDGE_API_KEY"),
        ({"model_name": "gone"}, "refuses requests to gone [(]404", "model_name"),
        ({"url": "http://127.0.0.1:9/v1"}, "127.0.0.1:9/v1/chat/completions cannot be", "url"),
    ],
)
async def test_a_judge_that_refuses_everything_is_one_sentence(
    server: JudgeServer, tmp_path: Path, wrong: dict[str, Any], message: str, hint: str
) -> None:
    async with client(server, tmp_path, **wrong) as judge:
        with pytest.raises(UnavailableError, match=message) as caught:
            await judge.judge("similarity", [pair(str(i)) for i in range(20)], 0.95)
    assert hint in caught.value.hint
    assert "hunter" not in str(caught.value)
    assert server.attempts.total() == 0


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"url": "http://judge.test/v1"},
        {"model_name": MODEL},
        {"deployment_type": "local", "url": "http://judge.test/v1", "model_name": MODEL},
        {"url": "judge.test", "model_name": MODEL},
        {"url": "http://", "model_name": MODEL},
        {"url": "file:///etc/passwd", "model_name": MODEL},
    ],
)
def test_a_judge_that_is_not_configured(config: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="llm_judge_config"):
        OpenAIJudge(JudgeConfig(**config), None, JudgeCache(tmp_path))  # type: ignore[arg-type]
