"""LangChain's ChatOpenAI with a deadline, attempts inside it, and errors that a person can read.

Importing this takes seconds: only `language_model` does, where a model is asked.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import openai
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_openai import ChatOpenAI
from pydantic import PrivateAttr

from flywheel.adapters.openai_attempts import Asked, Attempts
from flywheel.adapters.openai_http import through_proxies


class OpenAIChat(ChatOpenAI):
    """A chat model that answers within its deadline or raises LanguageModelError. Async only."""

    _asked: Asked = PrivateAttr()

    async def close(self) -> None:
        """Let go of its connections."""
        await self.http_async_client.aclose()  # type: ignore[union-attr]

    def _get_request_payload(self, input_: Any, **kwargs: Any) -> dict[str, Any]:
        payload = super()._get_request_payload(input_, **kwargs)
        if "max_completion_tokens" in payload:
            payload[self._asked.limit] = payload.pop("max_completion_tokens")
        return payload

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        attempts = Attempts(self._asked)
        while True:
            try:
                async with asyncio.timeout_at(attempts.deadline):
                    result = await super()._agenerate(messages, stop, run_manager, **kwargs)
                if not result.generations:
                    raise EOFError  # noqa: TRY301 - no choice at all
            except Exception as error:  # noqa: BLE001 - a broken answer raises anything
                await attempts.after(error)
            else:
                return result

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        attempts = Attempts(self._asked)
        while True:
            begun = ended = False
            async with aclosing(super()._astream(*args, **kwargs)) as chunks:  # type: ignore[type-var]
                while True:
                    try:
                        async with asyncio.timeout_at(attempts.deadline):
                            chunk = await anext(chunks, None)
                        if chunk is None and not ended:
                            raise EOFError  # noqa: TRY301 - as if the connection had said so
                    except Exception as error:  # noqa: BLE001 - as above
                        if begun:
                            raise attempts.given_up(error) from None
                        await attempts.after(error)
                        break
                    if chunk is None:
                        return
                    begun = True
                    ended = ended or bool((chunk.generation_info or {}).get("finish_reason"))
                    yield chunk


def open_chat(asked: Asked) -> OpenAIChat:
    """The model, with a client of its own."""

    async def key() -> str:  # asked for at each request, so that the model does not hold it
        return "none" if asked.key is None else asked.key.get_secret_value()

    config = asked.config
    client = openai.DefaultAsyncHttpxClient(
        event_hooks={"request": [_without_accounts if asked.key else _without_key]},
        trust_env=through_proxies(asked.host),
    )
    chat = OpenAIChat(
        model=asked.model,
        base_url=asked.base_url,
        api_key=key,
        temperature=config.temperature,
        max_completion_tokens=config.max_output_tokens,
        timeout=config.timeout_seconds,
        max_retries=0,
        stream_usage=True,
        stream_chunk_timeout=None,
        use_responses_api=False,
        http_async_client=client,
    )
    chat._asked = asked
    return chat


async def _without_accounts(request: Any) -> None:
    """OPENAI_ORG_ID and OPENAI_PROJECT_ID of the environment are nobody's business elsewhere."""
    for header in ("openai-organization", "openai-project"):
        request.headers.pop(header, None)


async def _without_key(request: Any) -> None:
    await _without_accounts(request)
    request.headers.pop("authorization", None)
