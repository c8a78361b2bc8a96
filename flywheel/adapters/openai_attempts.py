"""Attempts at one reply of the language model, and why there was none."""

import asyncio
from random import uniform
from typing import NamedTuple

import openai
from pydantic import SecretStr

from flywheel.adapters.openai_http import asked_to_wait
from flywheel.formatting import duration
from flywheel.ports.language_model import LanguageModelError, Trouble
from flywheel.settings.insights import InsightsConfig

_LONGEST_REASON = 200  # characters of what the server says
_WRONG_KEY = {401, 403}  # what is said of a wrong key may quote it
_BUSY = {408, 409, 425, 429, 503}


class Asked(NamedTuple):
    """Who is asked, and how."""

    config: InsightsConfig
    model: str
    base_url: str
    host: str
    key: SecretStr | None
    key_variable: str
    limit: str  # what the endpoint calls the most tokens of a reply


class Attempts:
    """Those at one reply, until its deadline."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._left = asked.config.max_attempts
        self._pause = asked.config.retry_seconds
        self._loop = asyncio.get_running_loop()
        self.deadline = self._loop.time() + asked.config.timeout_seconds

    async def after(self, error: Exception) -> None:
        """Wait until the next attempt. Raises LanguageModelError where there is none."""
        failure = self.given_up(error)
        self._left -= 1
        wait = max(self._pause * uniform(0.5, 1), _wished(error))  # noqa: S311 - no secret
        self._pause *= 2
        passing = failure.trouble not in {"refused", "slow"}
        if not passing or not self._left or self._loop.time() + wait >= self.deadline:
            raise failure from None
        await asyncio.sleep(wait)

    def given_up(self, error: Exception) -> LanguageModelError:
        """The sentence about an error."""
        trouble, why, hint = self._why(error)
        who = f"The language model {self._asked.model} at {self._asked.base_url}"
        return LanguageModelError(trouble, f"{who} gave no answer: {why}.", hint)

    def _why(self, error: Exception) -> tuple[Trouble, str, str]:
        match error:
            case TimeoutError() | openai.APITimeoutError():
                limit = duration(self._asked.config.timeout_seconds)
                return "slow", f"{limit} are over", "The limit is insights_config.timeout_seconds."
            case openai.APIStatusError():
                return self._why_status(error)
            case openai.APIConnectionError():
                return (
                    "unreachable",
                    "the connection failed",
                    "Is it running? Check base_url of insights_config.",
                )
            case EOFError():
                return "broken", "its answer is not complete", ""
            case _:
                return "broken", f"its answer cannot be read ({type(error).__name__})", ""

    def _why_status(self, error: openai.APIStatusError) -> tuple[Trouble, str, str]:
        status = error.status_code
        if status in _WRONG_KEY:
            return "refused", f"it answered {status}", f"Set its key in {self._asked.key_variable}."
        said = self._said(error.message)
        why = f"it answered {status}{f' ({said})' if said else ''}"
        if status in _BUSY:
            return "busy", why, ""
        if status >= 500:
            return "broken", why, ""
        return "refused", why, "Check base_url and model of insights_config."

    def _said(self, message: str) -> str:
        """The server's own reason, in one short line, without the key."""
        if self._asked.key is not None:
            message = message.replace(self._asked.key.get_secret_value(), "…")
        line = " ".join(message.split())
        return line if len(line) <= _LONGEST_REASON else f"{line[: _LONGEST_REASON - 1]}…"


def _wished(error: Exception) -> float:
    """Seconds that the server asks to wait."""
    response = getattr(error, "response", None)
    return 0.0 if response is None else asked_to_wait(response.headers)
