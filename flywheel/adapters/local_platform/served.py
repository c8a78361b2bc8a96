"""A candidate that is served elsewhere: what it is, and how it is asked for one answer."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import SecretStr

from flywheel.adapters.openai_http import COMPLETIONS, Endpoint, Reply
from flywheel.errors import UnavailableError
from flywheel.evaluation.prompts import Message, estimate_tokens, request_tokens, wire_message
from flywheel.formatting import count
from flywheel.ports.platform import CandidateSpec
from flywheel.records import content_text
from flywheel.settings import ServedCandidateConfig
from flywheel.settings.environment import SECRET_VARIABLES

KEY_VARIABLE = SECRET_VARIABLES["served_api_key"]
PING_SECONDS = 10.0
_MOST_LISTED = 8

# Of a logged request, what an answer depends on; how it was delivered and booked does not count.
_KEPT = (
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "temperature",
    "top_p",
    "stop",
    "seed",
    "max_tokens",
    "max_completion_tokens",
)


class Answered(NamedTuple):
    """What a model answered."""

    text: str
    tool_calls: list[Any] | None
    input_tokens: int
    output_tokens: int


def candidate(config: ServedCandidateConfig) -> CandidateSpec:
    """The served model as a candidate."""
    return CandidateSpec(
        name=config.name,
        description=f"{config.model_name} at {config.url}: not fine-tuned, only asked",
        base_label="asked as logged",
        customizable=False,
        takes_prompts=True,
        workload_types=frozenset({"classification", "tool_calling", "generic"}),
    )


class ServedModel:
    """Asks one served model. Use its `endpoint` as an async context manager."""

    def __init__(self, config: ServedCandidateConfig, api_key: SecretStr | None) -> None:
        self.model = config.model_name
        self.endpoint = Endpoint(
            who=config.name,
            setting=f"'{config.name}' in local_platform_config.served",
            variable=KEY_VARIABLE,
            url=config.url,
            path=COMPLETIONS,
            model=config.model_name,
            api_key=api_key,
            requests=config,
        )

    async def ask(
        self, logged: Mapping[str, Any], messages: list[Message], spread: float
    ) -> Reply[Answered]:
        """The answer to a logged request, with `messages` in place of its own.

        Raises RequestFailedError for this one, UnavailableError where all would fare the same.
        """
        kept = {key: logged[key] for key in _KEPT if logged.get(key) is not None}
        body = {"model": self.model, "messages": [wire_message(m) for m in messages], **kept}

        def read(completion: Any) -> Answered | None:
            return _answered(completion, messages, kept.get("tools"))

        return await self.endpoint.post(body, read, "chat completion", spread)


async def ping(config: ServedCandidateConfig, api_key: SecretStr | None) -> str:
    """What answers there, in a few words.

    Raises UnavailableError where nothing does, the key is wrong, or the model is not there.
    """
    quick = {"timeout_seconds": min(config.timeout_seconds, PING_SECONDS)}
    served = ServedModel(config.model_copy(update=quick), api_key)
    async with served.endpoint as endpoint:
        models = await endpoint.models()
    if models is None:
        return f"{config.url} answers; it does not say which models it serves"
    if config.model_name not in models:
        more = len(models) - _MOST_LISTED
        raise UnavailableError(
            f"{config.url} does not serve {config.model_name}.",
            f"It has: {', '.join(models[:_MOST_LISTED]) or 'nothing'}"
            f"{f' and {count(more)} more' if more > 0 else ''}.",
        )
    return f"{config.url} serves {config.model_name}"


def _answered(completion: Any, asked: list[Message], tools: object) -> Answered | None:
    message = completion["choices"][0]["message"]
    content, calls = message.get("content"), message.get("tool_calls")
    text = _clean(content_text(content))
    calls = _clean(calls) if isinstance(calls, list) and calls else None
    used = completion.get("usage") or {}
    input_tokens, output_tokens = used.get("prompt_tokens"), used.get("completion_tokens")
    if not isinstance(input_tokens, int):
        input_tokens = request_tokens(asked, tools)
    if not isinstance(output_tokens, int):
        output_tokens = estimate_tokens(text) + (estimate_tokens(str(calls)) if calls else 0)
    return Answered(text, calls, input_tokens, output_tokens)


def _clean(value: Any) -> Any:
    """Without what neither files nor databases can hold: half surrogate pairs, and NUL."""
    match value:
        case str():
            return (
                value.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
            )
        case list():
            return [_clean(member) for member in value]
        case dict():
            return {_clean(key): _clean(member) for key, member in value.items()}
    return value
