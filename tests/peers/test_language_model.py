"""LangChain's chat model from our settings, answered by a real small LLM behind llama.cpp.

About a minute on two cores, so only where FLYWHEEL_TEST_SMOLLM2 is set (`make test-llm`).
"""

import os
from collections.abc import AsyncIterator

import pytest
from langchain_core.messages import AIMessage, BaseMessageChunk
from langchain_core.tools import tool

from flywheel.adapters.language_model import OpenAILanguageModel
from flywheel.settings.insights import InsightsConfig

MODEL = "smollm2-135m"

pytestmark = pytest.mark.skipif(
    "FLYWHEEL_TEST_SMOLLM2" not in os.environ, reason="a minute: set FLYWHEEL_TEST_SMOLLM2"
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
