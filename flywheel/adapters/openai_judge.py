"""A judge behind any endpoint that speaks OpenAI's chat completions."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any

import httpx
from pydantic import SecretStr

from flywheel.adapters.judge_cache import JudgeCache
from flywheel.clock import utc_now
from flywheel.errors import SettingsError, UnavailableError
from flywheel.evaluation.judge import (
    Judgement,
    JudgePair,
    JudgeScores,
    JudgeTask,
    judge_scores,
    judged,
    messages,
    prompt_of,
)
from flywheel.records import content_text
from flywheel.resources import resource_text
from flywheel.settings.sections import JudgeConfig

PROMPTS: dict[JudgeTask, str] = {
    "similarity": "prompts/judge_similarity.md",
    "tool-calling": "prompts/judge_tool_calls.md",
}
_PATH = "/chat/completions"
_LONGEST_REPLY = 2048  # tokens
_PROGRESS_EVERY = 10  # pairs
_LONGEST_WAIT = 60.0  # seconds, whatever the server asks for
_PASSING = {408, 409, 425, 429}  # and 5xx: the next attempt may fare better
_LASTING = {401, 402, 403, 404, 405}  # every other request would fare the same


class _FailedError(Exception):
    """One pair is given up."""


class OpenAIJudge:
    """Asks for judgements side by side, again where a failure may pass, and never twice.

    Use as an async context manager.
    """

    def __init__(self, config: JudgeConfig, api_key: SecretStr | None, cache: JudgeCache) -> None:
        if config.deployment_type != "remote" or not config.url or not config.model_name:
            raise SettingsError(
                "There is no judge: llm_judge_config names no remote url and model_name.",
                "Set both, or score without a judge.",
            )
        self.model = config.model_name
        self._config = config
        self._cache = cache
        self._url = _address(config.url)
        self._answered = False
        self._slots = asyncio.Semaphore(config.max_concurrent_requests)
        key = "" if api_key is None else api_key.get_secret_value()
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=config.timeout_seconds,
            limits=httpx.Limits(max_connections=config.max_concurrent_requests),
        )

    async def __aenter__(self) -> "OpenAIJudge":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def judge(
        self,
        task: JudgeTask,
        pairs: Sequence[JudgePair],
        confidence: float,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> tuple[JudgeScores, list[Judgement]]:
        """The scores, and what became of each pair, in order.

        `on_progress` is told now and then how many are done. Equal pairs are asked once. Raises
        UnavailableError where the judge refuses everything: a wrong address, key or model.
        """
        prompt = prompt_of(resource_text(PROMPTS[task]).split("---\n", 2)[2].strip())
        asked = [messages(prompt, pair) for pair in pairs]
        keys = [self._cache.key(self.model, one) for one in asked]
        found: dict[str, Judgement] = {}

        async def ask(key: str, conversation: list[dict[str, str]]) -> None:
            found[key] = await self._judgement(task, key, conversation)
            if len(found) % _PROGRESS_EVERY == 0:
                on_progress(len(found))

        try:
            async with asyncio.TaskGroup() as group:
                for key, conversation in dict(zip(keys, asked, strict=True)).items():
                    group.create_task(ask(key, conversation))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        judgements = [found[key] for key in keys]
        return judge_scores(task, judgements, self.model, prompt, confidence), judgements

    async def _judgement(
        self, task: JudgeTask, key: str, conversation: list[dict[str, str]]
    ) -> Judgement:
        kept = await self._cache.get(key)
        if kept is not None:
            return judged(kept, task)
        async with self._slots:  # held while it waits: a busy server gets fewer requests
            try:
                reply = await self._reply(key, conversation)
            except _FailedError as error:
                return Judgement(outcome="failed", error=str(error))
        judgement = judged(reply, task)
        if judgement.outcome == "scored":  # another may be read at the next attempt
            await self._cache.put(key, reply)
        return judgement

    async def _reply(self, key: str, conversation: list[dict[str, str]]) -> str:
        """What the judge says. Raises _FailedError, UnavailableError."""
        body = {
            "model": self.model,
            "messages": conversation,
            "temperature": 0,
            "max_tokens": _LONGEST_REPLY,
        }
        attempts, spread = self._config.max_attempts, int(key[:4], 16) / 0xFFFF
        why, pause, unreachable = "", 0.0, False
        for attempt in range(attempts):
            if attempt:
                await asyncio.sleep(pause)
            # Spread over half to all of it, so that what failed together does not come back so.
            pause = min(self._config.retry_seconds * 2**attempt, _LONGEST_WAIT) * (1 + spread) / 2
            try:
                async with asyncio.timeout(self._config.timeout_seconds):
                    response = await self._client.post(self._url, json=body)
            except (TimeoutError, httpx.TimeoutException):
                why = f"no answer within {self._config.timeout_seconds:g} s"
                continue
            except httpx.RequestError as error:
                why = f"the connection failed ({type(error).__name__})"
                unreachable = isinstance(error, httpx.ConnectError)
                continue
            self._answered = True
            if response.status_code == httpx.codes.OK:
                if (reply := _content(response)) is not None:
                    return reply
                why = "its answer is no chat completion"
            elif response.status_code in _LASTING:
                raise self._refused(response.status_code)
            else:
                why = f"it answered {response.status_code}"
                if response.status_code not in _PASSING and response.status_code < 500:
                    raise _FailedError(f"The judge did not judge: {why}.")
            pause = max(pause, _asked_to_wait(response))
        if unreachable and not self._answered:
            raise UnavailableError(
                f"The judge at {_shown(self._url)} cannot be reached.",
                "Check llm_judge_config.url.",
            )
        raise _FailedError(f"The judge did not judge in {attempts} attempts: {why}.")

    def _refused(self, status: int) -> UnavailableError:
        hint = "Check llm_judge_config.url and model_name."
        if status in {401, 403}:
            hint = "Set its key in FLYWHEEL_LLM_JUDGE_API_KEY."
        return UnavailableError(
            f"The judge at {_shown(self._url)} refuses requests to {self.model} ({status}).", hint
        )


def _address(url: str) -> httpx.URL:
    """Where completions are asked for; the base address of the API will do."""
    try:
        found = httpx.URL(url)
    except httpx.InvalidURL:
        found = httpx.URL()
    if found.scheme not in {"http", "https"} or not found.host:
        raise SettingsError(
            "llm_judge_config.url is no web address.", "It looks like https://judge.test/v1."
        )
    path = found.path.rstrip("/")
    return found.copy_with(path=path if path.endswith(_PATH) else path + _PATH)


def _shown(url: httpx.URL) -> str:
    """The address without what may be secret in it."""
    return f"{url.scheme}://{url.host}{'' if url.port is None else f':{url.port}'}{url.path}"


def _content(response: httpx.Response) -> str | None:
    """The text of the first choice, "" where there is none; None for another kind of answer."""
    try:
        message: Any = response.json()["choices"][0]["message"]
        content = message.get("content")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return None
    return content_text(content)


def _asked_to_wait(response: httpx.Response) -> float:
    """Seconds, as the header Retry-After has them: a number or a date (RFC 9110, 10.2.3)."""
    text = response.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return min(float(text), _LONGEST_WAIT)
    try:
        until: datetime = parsedate_to_datetime(text)
        return min(max((until - utc_now()).total_seconds(), 0.0), _LONGEST_WAIT)
    except (ValueError, TypeError):  # no date, or one without a time zone
        return 0.0
