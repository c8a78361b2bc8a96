"""Spans of our own and of an agent in LangChain, as the SDK's exporter sees them."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from aiohttp import web
from langchain.agents import create_agent
from langchain_core.tools import tool
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from pydantic import SecretStr

from flywheel import telemetry
from flywheel.adapters.language_model import OpenAILanguageModel
from flywheel.ports.language_model import LanguageModelError
from flywheel.settings.insights import InsightsConfig
from flywheel.telemetry.genai import genai_spans
from flywheel.telemetry.spans import CONTENT
from tests.support.scripted_model import KEY, MODEL, ScriptedModel, scripted_model
from tests.support.scripted_turns import call, for_ever, say, slow, status


@tool
async def find_runs(workload: str) -> str:
    """Find the runs of a workload."""
    if workload == "none":
        raise LookupError("a secret workload")
    return f"runs of the secret {workload}"


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry.use(provider.get_tracer("flywheel"))
    yield exporter
    telemetry.use(None)
    provider.shutdown()


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedModel]:
    with scripted_model() as model:
        yield model


@pytest.fixture
async def agent(server: ScriptedModel) -> AsyncIterator[Any]:
    config = InsightsConfig(base_url=server.url, model=MODEL, retry_seconds=0, max_attempts=2)
    model = OpenAILanguageModel(config, SecretStr(KEY))
    yield create_agent(model.chat(), [find_runs])
    await model.close()


async def ask(agent: Any) -> None:
    config = {"callbacks": [genai_spans()]}
    with telemetry.span("flywheel.ask", surface="test"):
        async for _ in agent.astream({"messages": [("user", "a secret question")]}, config):
            pass


def by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {one.name: one for one in exporter.get_finished_spans()}


def named(one: ReadableSpan) -> dict[str, Any]:
    return dict(one.attributes or {})


async def test_an_answer_is_a_tree_of_spans_without_content(
    exporter: InMemorySpanExporter, server: ScriptedModel, agent: Any
) -> None:
    server.play(call("find_runs", workload="news"), say("It is a secret."))
    await ask(agent)

    names = [one.name for one in exporter.get_finished_spans()]
    chat, run_tool = f"chat {MODEL}", "execute_tool find_runs"
    assert names == [chat, run_tool, chat, "invoke_agent insights", "flywheel.ask"]
    found = by_name(exporter)
    assert found["flywheel.ask"].parent is None
    for inner, outer in (
        ("invoke_agent insights", "flywheel.ask"),
        (chat, "invoke_agent insights"),
        (run_tool, "invoke_agent insights"),
    ):
        parent = found[inner].parent
        assert parent is not None
        assert parent.span_id == found[outer].context.span_id, inner

    asked = named(found[chat])
    assert asked.pop("gen_ai.usage.input_tokens") > 50
    assert str(asked.pop("gen_ai.response.id")).startswith("chatcmpl-")
    assert asked == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": MODEL,
        "gen_ai.request.temperature": 0.0,
        "gen_ai.request.max_tokens": 1024,
        "gen_ai.response.model": MODEL,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.output_tokens": len("It is a secret.") // 4,
    }
    called = named(found[run_tool])
    assert str(called.pop("gen_ai.tool.call.id")).startswith("call_")
    assert called == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.provider.name": "openai",
        "gen_ai.tool.name": "find_runs",
        "gen_ai.tool.type": "function",
    }
    assert "secret" not in "".join(one.to_json() for one in exporter.get_finished_spans())


async def test_content_is_there_where_it_is_asked_for(
    exporter: InMemorySpanExporter,
    server: ScriptedModel,
    agent: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(CONTENT, "true")
    server.play(call("find_runs", workload="news"), say("It is a secret."))
    await ask(agent)
    found = by_name(exporter)
    asked, called = named(found[f"chat {MODEL}"]), named(found["execute_tool find_runs"])
    assert "a secret question" in asked["gen_ai.input.messages"]
    assert "It is a secret." in asked["gen_ai.output.messages"]
    assert "news" in called["gen_ai.tool.call.arguments"]
    assert called["gen_ai.tool.call.result"] == "runs of the secret news"


async def test_what_fails_is_marked_without_what_it_says(
    exporter: InMemorySpanExporter, server: ScriptedModel, agent: Any
) -> None:
    server.play(for_ever(status(500)))
    with pytest.raises(LanguageModelError):
        await ask(agent)
    server.play(call("find_runs", workload="none"))
    with pytest.raises(LookupError):
        await ask(agent)
    failed = exporter.get_finished_spans()
    types = {one.name: named(one).get("error.type") for one in failed[:3]}
    assert types == {
        f"chat {MODEL}": "broken",
        "invoke_agent insights": "broken",
        "flywheel.ask": "broken",
    }
    assert by_name(exporter)["execute_tool find_runs"].status.status_code is StatusCode.ERROR
    assert named(by_name(exporter)["execute_tool find_runs"])["error.type"] == "LookupError"
    assert "secret" not in "".join(one.to_json() for one in failed)


async def test_an_answer_that_is_given_up_has_ended_spans(
    exporter: InMemorySpanExporter, server: ScriptedModel, agent: Any
) -> None:
    server.play(slow(say("Late.")))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ask(agent), 0.3)
    given_up = {one.name: named(one).get("error.type") for one in exporter.get_finished_spans()}
    assert given_up == dict.fromkeys(
        [f"chat {MODEL}", "invoke_agent insights", "flywheel.ask"], "CancelledError"
    )


async def test_answers_side_by_side_do_not_mix(
    exporter: InMemorySpanExporter, server: ScriptedModel, agent: Any
) -> None:
    server.play(lambda asked: say("Done.") if asked.results else call("find_runs", workload="news"))
    await asyncio.gather(*(ask(agent) for _ in range(4)))
    spans = exporter.get_finished_spans()
    assert len(spans) == 4 * 5
    traces = [one.context.trace_id for one in spans]
    assert {traces.count(one) for one in traces} == {5}


async def test_without_a_tracer_nothing_is_made(server: ScriptedModel, agent: Any) -> None:
    server.play(say("Hello."))
    await ask(agent)
    with telemetry.span("nothing") as nothing:
        nothing.set(size=1)
    assert nothing.span is None


PROGRAM = """
import sys
from flywheel import telemetry
telemetry.set_up()
with telemetry.span("one", **{"gen_ai.operation.name": "chat", "left_out": None}):
    pass
sys.exit("opentelemetry" in sys.modules)
"""


async def test_spans_go_where_the_endpoint_is_set_and_nowhere_else() -> None:
    got: list[ExportTraceServiceRequest] = []

    async def take(request: web.Request) -> web.Response:
        got.append(ExportTraceServiceRequest.FromString(await request.read()))
        return web.Response()

    app = web.Application()
    app.router.add_post("/v1/traces", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def run(**variables: str) -> int:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
        done = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", PROGRAM], env={**clean, **variables}, check=False
        )
        return done.returncode

    off = await run(), await run(OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_SDK_DISABLED="true")
    assert off == (0, 0), "where it is off it is not even imported"
    assert got == []
    on = {"OTEL_EXPORTER_OTLP_COMPRESSION": "none", "NO_PROXY": "127.0.0.1"}
    assert await run(OTEL_EXPORTER_OTLP_ENDPOINT=url, **on) == 1
    await runner.cleanup()
    [resource] = [one for request in got for one in request.resource_spans]
    service = {a.key: a.value.string_value for a in resource.resource.attributes}["service.name"]
    [sent] = resource.scope_spans[0].spans
    assert (service, sent.name, [a.key for a in sent.attributes]) == (
        "flywheel",
        "one",
        ["gen_ai.operation.name"],
    )
