"""LangChain's chat model from our settings, answered by a real small LLM behind llama.cpp.

A few minutes on two cores, so only where FLYWHEEL_TEST_SMOLLM2 is set (`make test-llm`).
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, BaseMessageChunk
from langchain_core.tools import tool

from flywheel.adapters.language_model import OpenAILanguageModel
from flywheel.service.examining import examine
from flywheel.settings import load_settings
from flywheel.settings.insights import InsightsConfig
from flywheel.wiring import open_backends

MODEL = "smollm2-135m"

pytestmark = pytest.mark.skipif(
    "FLYWHEEL_TEST_SMOLLM2" not in os.environ, reason="minutes: set FLYWHEEL_TEST_SMOLLM2"
)


@tool
async def find_runs(workload: str) -> str:
    """Find the runs of a workload."""
    return f"r-1 of {workload}"


@pytest.fixture
async def model(smollm2: str) -> AsyncIterator[OpenAILanguageModel]:
    config = InsightsConfig(
        base_url=smollm2,
        model=MODEL,
        max_output_tokens=24,
        timeout_seconds=300,  # a busy machine is no failure of the model
    )
    model = OpenAILanguageModel(config, None)
    yield model
    await model.close()


async def test_a_real_small_model_answers_with_tools_on_offer(
    model: OpenAILanguageModel, smollm2: str
) -> None:
    assert await model.ping() == f"{smollm2} serves {MODEL}"
    chat = model.chat().bind_tools([find_runs])
    question = [("system", "You answer in one sentence."), ("user", "Which runs has news?")]

    whole = await chat.ainvoke(question)
    assert isinstance(whole, AIMessage)
    streamed: BaseMessageChunk | None = None
    async for chunk in chat.astream(question):
        streamed = chunk if streamed is None else streamed + chunk
    assert isinstance(streamed, AIMessage)
    for answer in (whole, streamed):
        assert answer.text or answer.tool_calls
        assert answer.usage_metadata is not None
        assert 0 < answer.usage_metadata["output_tokens"] <= 24
        # Its template has no place for tools: it has not read them, and calls none.
        print(f"{answer.usage_metadata['input_tokens']} tokens in: {answer.text!r}")


async def test_it_sits_the_examination_and_no_wrong_number_comes_out(
    smollm2: str, tmp_path: Path
) -> None:
    """What it scores is printed, whatever it is: docs/insights.md has it."""
    section = "FLYWHEEL_INSIGHTS_CONFIG__"
    named = {
        "BASE_URL": smollm2,
        "MODEL": MODEL,
        "MAX_OUTPUT_TOKENS": "96",
        "TIMEOUT_SECONDS": "20",
        "QUESTIONS_PER_USER": "null",
    }
    environ = {f"{section}{key}": value for key, value in named.items()}
    settings = load_settings(environ={"FLYWHEEL_HOME": str(tmp_path), **environ})
    async with open_backends(settings, with_queue=False) as backends:
        report = (await examine(backends, every=16)).fitted
    print(f"worded by the model: {report.by_model.words}")
    print(f"exact, of those: {report.exact_by_model.words}")
    print(f"exact with the reader behind it: {report.answerable.words}")
    print(f"95 % of the answers within {report.p95_seconds:.1f} s")
    assert report.wrong_numbers == 0, report.worst
