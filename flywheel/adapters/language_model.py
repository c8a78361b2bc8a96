"""The language model of `insights_config`: any endpoint that speaks OpenAI's chat completions."""

import asyncio
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from flywheel.adapters.openai_http import COMPLETIONS, Endpoint, RequestFailedError, address
from flywheel.errors import SettingsError, UnavailableError
from flywheel.ports.language_model import Conversation, Said, ToolSpec
from flywheel.settings.endpoints import RequestsConfig
from flywheel.settings.environment import SECRET_VARIABLES
from flywheel.settings.insights import InsightsConfig

if TYPE_CHECKING:
    from flywheel.adapters.openai_chat import OpenAIChat

SETTING = "insights_config"
KEY_VARIABLE = SECRET_VARIABLES["insights_api_key"]
_PING_SECONDS = 10.0
_MOST_LISTED = 8
_NEWER_LIMIT = (".openai.com", ".azure.com")  # their newer models refuse `max_tokens`


class OpenAILanguageModel:
    """Implements `flywheel.ports.language_model.LanguageModel`.

    Raises SettingsError where there is no address or model, or the extra is not installed.
    """

    def __init__(self, config: InsightsConfig, api_key: SecretStr | None) -> None:
        if config.base_url is None or config.model is None:
            raise SettingsError(f"{SETTING} names no base_url and model.", "Set both.")
        if find_spec("langchain") is None or find_spec("langchain_openai") is None:
            raise SettingsError(
                f"{SETTING} names a base_url, and that needs an extra which is not installed.",
                "Install it: pip install 'flywheel[insights]'.",
            )
        self.name = config.model
        self._config, self._api_key = config, api_key
        self._url = address(config.base_url, COMPLETIONS, SETTING)
        self._chat: OpenAIChat | None = None

    @property
    def base_url(self) -> str:
        """The address of the API."""
        return str(self._url).removesuffix(COMPLETIONS)

    def chat(self) -> "OpenAIChat":
        """The model for LangChain; imported here, because that takes seconds."""
        if self._chat is None:
            from flywheel.adapters.openai_attempts import Asked
            from flywheel.adapters.openai_chat import open_chat

            self._chat = open_chat(
                Asked(
                    config=self._config,
                    model=self.name,
                    base_url=self.base_url,
                    host=self._url.host,
                    key=self._api_key,
                    key_variable=KEY_VARIABLE,
                    limit=self._limit(),
                )
            )
        return self._chat

    def conversation(self, system: str, tools: Sequence[ToolSpec] = ()) -> Conversation:
        """A new one; `system` is its system prompt."""
        return _Conversation(self, system, tools)

    async def warm(self) -> None:
        """Import what takes seconds, before anybody waits for it."""
        await asyncio.to_thread(self._load)

    def _load(self) -> None:
        import flywheel.adapters.langchain_agent  # noqa: F401

        self.chat()

    async def close(self) -> None:
        """Let go of its connections."""
        if self._chat is not None:
            chat, self._chat = self._chat, None
            await chat.close()

    async def ping(self) -> str:
        """Whether it lists the model, else whether it says a word."""
        endpoint = Endpoint(
            who="The language model",
            setting=SETTING,
            variable=KEY_VARIABLE,
            url=str(self._url),
            path=COMPLETIONS,
            model=self.name,
            api_key=self._api_key,
            requests=RequestsConfig(
                timeout_seconds=min(self._config.timeout_seconds, _PING_SECONDS), max_attempts=1
            ),
            keys=("base_url", "model"),
        )
        async with endpoint:
            listed = await endpoint.models()
            if listed is not None and self.name in listed:
                return f"{self.base_url} serves {self.name}"
            try:  # not every list is complete: Azure's has no deployments
                await endpoint.post(self._smallest(), _said, "chat completion", 0.0)
            except RequestFailedError as error:
                has = f"It has: {', '.join(listed[:_MOST_LISTED])}." if listed else ""
                raise UnavailableError(
                    f"The language model {self.name} at {self.base_url} gave no answer: "
                    f"{error.why}{f' ({error.said})' if error.said else ''}.",
                    has,
                ) from None
        return f"{self.base_url} answers as {self.name}"

    def _smallest(self) -> dict[str, Any]:
        message = {"role": "user", "content": "Say yes."}
        return {"model": self.name, "messages": [message], self._limit(): 16}

    def _limit(self) -> str:
        """What the endpoint calls the most tokens of a reply."""
        newer = f".{self._url.host}".endswith(_NEWER_LIMIT)
        return "max_completion_tokens" if newer else "max_tokens"


def _said(completion: Any) -> Any:
    return completion["choices"][0]["message"]


class _Conversation:
    """Opened by a thread at the first word: LangChain takes seconds to import."""

    def __init__(self, model: OpenAILanguageModel, system: str, tools: Sequence[ToolSpec]) -> None:
        self._model, self._system, self._tools = model, system, tools
        self._opened: Conversation | None = None

    async def say(self, text: str) -> Said:
        if self._opened is None:
            self._opened = await asyncio.to_thread(self._open)
        return await self._opened.say(text)

    def _open(self) -> Conversation:
        from flywheel.adapters.langchain_agent import LangChainConversation

        return LangChainConversation(self._model.chat(), self._system, self._tools)
