"""A judge behind any endpoint that speaks OpenAI's chat completions."""

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from pydantic import SecretStr

from flywheel.adapters.judge_cache import JudgeCache
from flywheel.adapters.openai_http import COMPLETIONS, Endpoint, RequestFailedError
from flywheel.errors import SettingsError
from flywheel.evaluation.judge import (
    Judgement,
    JudgePair,
    JudgeScores,
    JudgeTask,
    judge_prompt,
    judge_scores,
    judged,
    messages,
)
from flywheel.records import content_text
from flywheel.settings.endpoints import JudgeConfig

_LONGEST_REPLY = 2048  # tokens
_PROGRESS_EVERY = 10  # pairs


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
        self._cache = cache
        self._slots = asyncio.Semaphore(config.max_concurrent_requests)
        self._endpoint = Endpoint(
            who="The judge",
            setting="llm_judge_config",
            variable="FLYWHEEL_LLM_JUDGE_API_KEY",
            url=config.url,
            path=COMPLETIONS,
            model=config.model_name,
            api_key=api_key,
            requests=config,
        )

    async def __aenter__(self) -> "OpenAIJudge":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._endpoint.__aexit__(kind, error, trace)

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
        prompt = judge_prompt(task)
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
            except RequestFailedError as error:
                often = "" if error.attempts is None else f" in {error.attempts} attempts"
                said = f"The judge did not judge{often}: {error.why}."
                return Judgement(outcome="failed", error=said)
        judgement = judged(reply, task)
        if judgement.outcome == "scored":  # another may be read at the next attempt
            await self._cache.put(key, reply)
        return judgement

    async def _reply(self, key: str, conversation: list[dict[str, str]]) -> str:
        """What the judge says. Raises RequestFailedError, UnavailableError."""
        body = {
            "model": self.model,
            "messages": conversation,
            "temperature": 0,
            "max_tokens": _LONGEST_REPLY,
        }
        spread = int(key[:4], 16) / 0xFFFF
        return (await self._endpoint.post(body, _content, "chat completion", spread)).value


def _content(completion: Any) -> str:
    """The text of the first choice, "" where there is none."""
    return content_text(completion["choices"][0]["message"].get("content"))
