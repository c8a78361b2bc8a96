"""LangChain's chat model from our settings, against a strict server that plays good and ill."""

import asyncio
import logging
import os
import subprocess
import sys
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackManager
from langchain_core.messages import AIMessage, AIMessageChunk, ToolMessage
from langchain_core.tools import tool
from pydantic import SecretStr

from flywheel.adapters.language_model import OpenAILanguageModel
from flywheel.errors import SettingsError, UnavailableError
from flywheel.ports.language_model import LanguageModelError
from flywheel.service.doctor import check
from flywheel.settings import load_settings
from flywheel.settings.insights import InsightsConfig
from flywheel.views import PartStatus
from flywheel.wiring import open_backends
from tests.support.scripted_model import KEY, MODEL, ScriptedModel, scripted_model
from tests.support.scripted_turns import (
    Turn,
    call,
    calls,
    dropped,
    empty,
    for_ever,
    invalid_json,
    malformed,
    no_choices,
    parrot,
    say,
    slow,
    status,
    trickling,
)

Ask = Callable[..., Awaitable[AIMessage]]


@tool
async def find_runs(workload: str, newest: int = 1) -> str:
    """Find the runs of a workload."""
    return f"{newest} of {workload}"


@pytest.fixture(scope="module")
def served() -> Iterator[ScriptedModel]:
    with scripted_model() as model:
        yield model


@pytest.fixture
def server(served: ScriptedModel, monkeypatch: pytest.MonkeyPatch) -> ScriptedModel:
    for variable in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_BASE_URL", "LANGSMITH_GATEWAY"):
        monkeypatch.setenv(variable, "not-ours")
    served.key, served.listed = KEY, [MODEL]
    served.play()
    return served


def opened(server: ScriptedModel, key: str | None = KEY, **config: Any) -> OpenAILanguageModel:
    settings = {"base_url": server.url, "model": MODEL, "timeout_seconds": 10, "retry_seconds": 0}
    chosen = InsightsConfig.model_validate({**settings, **config})
    return OpenAILanguageModel(chosen, None if key is None else SecretStr(key))


@pytest.fixture
async def model(server: ScriptedModel) -> AsyncIterator[OpenAILanguageModel]:
    model = opened(server)
    yield model
    await model.close()


async def whole(model: OpenAILanguageModel, messages: Any) -> AIMessage:
    answer: AIMessage = await model.chat().bind_tools([find_runs]).ainvoke(messages)
    return answer


async def streamed(model: OpenAILanguageModel, messages: Any) -> AIMessage:
    answer: Any = None
    async for chunk in model.chat().bind_tools([find_runs]).astream(messages):
        assert isinstance(chunk, AIMessageChunk)
        answer = chunk if answer is None else answer + chunk
    return answer  # type: ignore[no-any-return]


both_ways = pytest.mark.parametrize("ask", [whole, streamed])


@both_ways
async def test_tools_are_called_and_their_results_come_back(
    model: OpenAILanguageModel, server: ScriptedModel, ask: Ask
) -> None:
    both = calls(call("find_runs", workload="news", newest=2), call("find_runs", workload="b"))
    server.play(both, parrot)
    conversation: list[Any] = [("system", "You answer."), ("user", "Which runs?")]
    asked = await ask(model, conversation)
    assert [one["args"] for one in asked.tool_calls] == [
        {"workload": "news", "newest": 2},
        {"workload": "b"},
    ]
    results = [
        ToolMessage(await find_runs.ainvoke(one["args"]), tool_call_id=one["id"])
        for one in asked.tool_calls
    ]
    answer = await ask(model, [*conversation, asked, *results])
    assert answer.text == "1 of b"
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["input_tokens"] > 50
    assert answer.usage_metadata["output_tokens"] == len("1 of b") // 4

    first, second = server.requests
    assert (first.system, first.question) == ("You answer.", "Which runs?")
    assert first.tool_names == ["find_runs"]
    assert (first.temperature, first.max_tokens) == (0, 1024)
    assert first.max_completion_tokens is None, "servers that are not OpenAI's know max_tokens"
    assert second.results == ["2 of news", "1 of b"]
    assert all(one["authorization"] == f"Bearer {KEY}" for one in server.headers)
    assert not [one for one in server.headers if "not-ours" in str(one)]


@both_ways
async def test_what_passes_is_tried_again(
    model: OpenAILanguageModel, server: ScriptedModel, ask: Ask
) -> None:
    server.play(status(429, Retry_After="0"), status(500), say("Here it is."))
    assert (await ask(model, "Well?")).text == "Here it is."
    server.play(dropped(say("Lost.")), invalid_json() if ask is whole else empty(), say("Now."))
    assert (await ask(model, "Well?")).text == ("Now." if ask is whole else "")


@pytest.mark.parametrize(
    ("turn", "trouble", "why", "requests"),
    [
        (status(429), "busy", "it answered 429 (", 3),
        (status(429, Retry_After="30"), "busy", "it answered 429 (", 1),
        (status(503), "busy", "it answered 503 (", 3),
        (status(500), "broken", "it answered 500 (", 3),
        (status(400), "refused", "it answered 400 (", 1),
        (status(404), "refused", "it answered 404 (", 1),
        (dropped(say("Some words.")), "unreachable", "the connection failed", 3),
        (invalid_json(), "broken", "its answer ", 3),
    ],
    ids=str,
)  # fmt: skip
@both_ways
async def test_an_ill_model_is_one_sentence(
    model: OpenAILanguageModel,
    server: ScriptedModel,
    ask: Ask,
    turn: Turn,
    trouble: str,
    why: str,
    requests: int,
) -> None:
    server.play(for_ever(turn))
    with pytest.raises(LanguageModelError) as caught:
        await ask(model, "Well?")
    assert caught.value.trouble == trouble
    sentence = f"The language model {MODEL} at {server.url} gave no answer: {why}"
    assert caught.value.message.startswith(sentence)
    assert len(server.requests) == requests


@both_ways
async def test_a_completion_without_a_choice_is_no_answer(
    model: OpenAILanguageModel, server: ScriptedModel, ask: Ask
) -> None:
    server.play(for_ever(no_choices()))
    with pytest.raises(LanguageModelError, match=r"its answer is not complete\.$"):
        await ask(model, "Well?")


async def test_a_stream_that_breaks_off_is_no_answer(
    model: OpenAILanguageModel, server: ScriptedModel
) -> None:
    server.play(dropped(say("The best is the 8B"), after=4))
    heard: list[str] = []

    async def listen() -> None:
        async for chunk in model.chat().astream("Well?"):
            heard.append(chunk.text)

    with pytest.raises(LanguageModelError) as caught:
        await listen()
    assert "".join(heard) == "The best is", "what was said is not said again"
    assert caught.value.trouble == "unreachable"
    assert len(server.requests) == 1


@both_ways
async def test_nothing_outlasts_the_deadline(server: ScriptedModel, ask: Ask) -> None:
    model = opened(server, timeout_seconds=0.4)
    late = slow(say("Late.")) if ask is whole else trickling(say("a b c d e f g h"), 0.1)
    server.play(late)
    began = time.perf_counter()
    with pytest.raises(LanguageModelError, match=r"gave no answer: 0\.4 s are over\.") as caught:
        await ask(model, "Well?")
    assert caught.value.trouble == "slow"
    assert time.perf_counter() - began < 5
    await model.close()


async def test_a_model_can_write_what_is_no_json(
    model: OpenAILanguageModel, server: ScriptedModel
) -> None:
    server.play(malformed("find_runs"), call("approve_promotion", run="r-1"))
    said = await whole(model, "Well?")
    assert said.tool_calls == []
    assert [one["name"] for one in said.invalid_tool_calls] == ["find_runs"]
    assert [one["name"] for one in (await whole(model, "Well?")).tool_calls] == [
        "approve_promotion"
    ]


async def test_the_key_is_shown_nowhere(
    model: OpenAILanguageModel, server: ScriptedModel, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.play(say("A secret answer."))
    await whole(model, "A secret question?")
    server.key = "another"
    with pytest.raises(LanguageModelError) as caught:
        await whole(model, "A secret question?")
    assert caught.value.trouble == "refused"
    assert caught.value.hint == "Set its key in FLYWHEEL_INSIGHTS_API_KEY."
    with pytest.raises(UnavailableError) as refused:
        await model.ping()
    shown = [
        repr(model),
        repr(model.chat()),
        str(model.chat().model_dump()),
        *("".join(traceback.format_exception(one.value)) for one in (caught, refused)),
        *(f"{record.getMessage()} {record.__dict__}" for record in caplog.records),
    ]
    assert not [text for text in shown if "hunter2" in text]
    assert not [record for record in caplog.records if "secret" in record.getMessage()]


async def test_without_a_key_none_is_sent(server: ScriptedModel) -> None:
    server.key = None
    model = opened(server, key=None)
    server.play(say("Yes."))
    assert (await whole(model, "Well?")).text == "Yes."
    assert "authorization" not in server.headers[0]
    await model.close()


async def test_closing_it_leaves_no_connection(server: ScriptedModel) -> None:
    model = opened(server)
    server.play(for_ever(say("Yes.")))
    await whole(model, "Well?")
    await model.close()
    assert (await whole(model, "Well?")).text == "Yes.", "it opens again where it is asked again"
    await model.close()


def test_nothing_is_traced_unless_langsmiths_own_variables_say_so(
    server: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    from langsmith.utils import get_env_var

    for prefix in ("LANGSMITH", "LANGCHAIN"):
        for name in ("TRACING", "TRACING_V2"):
            monkeypatch.delenv(f"{prefix}_{name}", raising=False)
    monkeypatch.setenv("LANGSMITH_API_KEY", "ls-hunter2")
    get_env_var.cache_clear()
    opened(server).chat()
    assert AsyncCallbackManager.configure().handlers == []


async def test_what_doctor_is_told(server: ScriptedModel) -> None:
    model = opened(server)
    assert await model.ping() == f"{server.url} serves {MODEL}"
    assert server.requests == []
    server.listed = None
    server.play(say("Yes."), say("Yes."), status(500))
    assert await model.ping() == f"{server.url} answers as {MODEL}"
    server.listed = ["another"]
    assert await model.ping() == f"{server.url} answers as {MODEL}"
    with pytest.raises(UnavailableError, match=r"gave no answer: it answered 500") as caught:
        await model.ping()
    assert caught.value.hint == "It has: another."
    with pytest.raises(UnavailableError, match=r"cannot be reached.*base_url of insights_config"):
        await opened(server, base_url="http://127.0.0.1:9/v1").ping()


async def test_the_settings_choose_it_and_doctor_has_a_line(
    server: ScriptedModel, tmp_path: Path
) -> None:
    variables = {
        "FLYWHEEL_HOME": str(tmp_path),
        "FLYWHEEL_INSIGHTS_CONFIG__BASE_URL": server.url,
        "FLYWHEEL_INSIGHTS_CONFIG__MODEL": MODEL,
        "FLYWHEEL_INSIGHTS_API_KEY": KEY,
    }

    async def line() -> PartStatus:
        async with open_backends(load_settings(environ=variables), with_queue=False) as backends:
            return {part.part: part for part in await check(backends)}["language model"]

    found = await line()
    assert (found.implementation, found.state) == (MODEL, "ok")
    assert found.detail == f"{server.url} serves {MODEL}"
    server.key = "another"
    found = await line()
    assert (found.state, found.hint) == ("failed", "Set its key in FLYWHEEL_INSIGHTS_API_KEY.")


PROGRAM = """
import asyncio, sys
import flywheel.cli.main, flywheel.worker
from flywheel.settings import load_settings
from flywheel.wiring import open_backends

async def main():
    async with open_backends(load_settings(), with_queue=False, migrate=False) as backends:
        assert backends.language_model is not None

asyncio.run(main())
slow = {"langchain", "langchain_core", "langchain_openai", "openai", "jinja2", "opentelemetry"}
print(sorted(slow & sys.modules.keys()))
"""


def test_no_command_waits_for_langchain(tmp_path: Path) -> None:
    variables = {
        "FLYWHEEL_HOME": str(tmp_path),
        "FLYWHEEL_INSIGHTS_CONFIG__BASE_URL": "http://127.0.0.1:9/v1",
        "FLYWHEEL_INSIGHTS_CONFIG__MODEL": MODEL,
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize("package", ["langchain", "langchain_openai"])
def test_a_missing_extra_is_one_sentence(
    server: ScriptedModel, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SettingsError, match=r"pip install 'flywheel\[insights\]'\.$"):
        opened(server)


def test_azure_and_openai_are_told_the_limit_by_its_newer_name() -> None:
    for url in ("https://api.openai.com/v1", "https://x.openai.azure.com/openai/v1/"):
        config = InsightsConfig(base_url=url, model="m")
        chat = OpenAILanguageModel(config, SecretStr("k")).chat()
        payload = chat._get_request_payload("Well?")
        assert payload["max_completion_tokens"] == 1024
        assert "max_tokens" not in payload


async def test_many_are_asked_side_by_side(
    model: OpenAILanguageModel, server: ScriptedModel
) -> None:
    server.play(parrot)
    answers = await asyncio.gather(*(streamed(model, f"Number {n}?") for n in range(20)))
    assert [one.text for one in answers] == [f"Number {n}?" for n in range(20)]
