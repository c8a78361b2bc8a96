"""HTTP to NeMo Platform: time limits, attempts, and errors in one sentence."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import httpx
import orjson
from pydantic import SecretStr

from flywheel.errors import (
    ConflictError,
    FlywheelError,
    InvalidInputError,
    NotFoundError,
    SettingsError,
    UnavailableError,
)
from flywheel.settings.nemo import NemoPlatformConfig

_REPEATABLE = {"GET", "PUT", "DELETE"}
_LONGEST_WAIT = 30.0  # seconds between two attempts
_LONGEST_DETAIL = 500  # characters of the server's reason


class NoAnswerError(UnavailableError):
    """Nothing came back, so what was asked for may or may not have been done."""


class Transport:
    """Sends requests, again where that is safe; `close` it.

    GET, PUT of the same bytes and DELETE are repeated after 429, 5xx and lost connections; a
    POST only where no connection came about, because nothing was sent then.
    """

    def __init__(self, config: NemoPlatformConfig, token: SecretStr | None) -> None:
        try:
            base = httpx.URL(config.base_url)
        except httpx.InvalidURL:
            base = httpx.URL()
        if base.scheme not in {"http", "https"} or not base.host:
            raise SettingsError(
                "nemo_platform_config.base_url is no web address.",
                "It looks like http://nemo-platform.test:8080.",
            )
        key = "" if token is None else token.get_secret_value()
        self.where = f"NeMo Platform at {base.scheme}://{base.netloc.decode().rpartition('@')[2]}"
        self._attempts, self._pause = config.max_attempts, config.retry_seconds
        self._client = httpx.AsyncClient(
            base_url=base,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=config.timeout_seconds,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        repeatable: bool | None = None,
    ) -> httpx.Response:
        """A successful answer; `repeatable` overrules what the method says of it.

        Raises NotFoundError (404), ConflictError (409), InvalidInputError (other 4xx),
        NoAnswerError and UnavailableError.
        """
        headers = {} if content is None else {"Content-Type": "application/octet-stream"}
        if repeatable is None:
            repeatable = method in _REPEATABLE
        for attempt in range(self._attempts):
            last = attempt + 1 == self._attempts
            try:
                response = await self._client.request(
                    method, path, json=json, content=content, headers=headers
                )
            except httpx.RequestError as error:
                unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                if last or not (unsent or repeatable):
                    raise self._no_answer(error) from error
            else:
                if response.is_success:
                    return response
                if last or not repeatable or not _may_pass(response):
                    raise self._refusal(method, path, response)
            await asyncio.sleep(self._wait(attempt))
        raise AssertionError("the last attempt returns or raises")

    @asynccontextmanager
    async def stream(self, path: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """The body of an answer in pieces, as they come. Raises like `request`."""
        try:
            async with self._client.stream("GET", path) as response:
                if not response.is_success:
                    await response.aread()
                    raise self._refusal("GET", path, response)
                yield response.aiter_bytes()
        except httpx.RequestError as error:
            raise self._no_answer(error) from error

    def _wait(self, attempt: int) -> float:
        """Doubled each time and spread, so that what failed together does not come back so."""
        longest = min(self._pause * 2.0**attempt, _LONGEST_WAIT)
        return longest * random.uniform(0.5, 1)  # noqa: S311 # no secret

    def _no_answer(self, error: httpx.RequestError) -> NoAnswerError:
        return NoAnswerError(
            f"{self.where} does not answer ({type(error).__name__}).",
            "Check that it runs, and nemo_platform_config.base_url.",
        )

    def _refusal(self, method: str, path: str, response: httpx.Response) -> FlywheelError:
        status = response.status_code
        said = f"{self.where} answers {status} to {method} {path}: {_detail(response)}"
        match status:
            case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
                hint = "Set FLYWHEEL_NEMO_PLATFORM_TOKEN to a token that may use the workspace."
                return UnavailableError(said, hint)
            case HTTPStatus.NOT_FOUND:
                return NotFoundError(said)
            case HTTPStatus.CONFLICT:
                return ConflictError(said)
            case _ if status < 500 and status != HTTPStatus.TOO_MANY_REQUESTS:
                return InvalidInputError(said)
        return UnavailableError(said, "Try again in a moment; its log says more.")


def _may_pass(response: httpx.Response) -> bool:
    return response.status_code >= 500 or response.status_code == HTTPStatus.TOO_MANY_REQUESTS


def _detail(response: httpx.Response) -> str:
    """The server's reason: FastAPI's `detail`, which is text or a list of faults."""
    detail: Any = response.text
    for _ in range(3):  # a service that asked another hands on its answer as text
        try:
            found = orjson.loads(detail)
        except (orjson.JSONDecodeError, TypeError):
            break
        detail = found.get("detail", found) if isinstance(found, dict) else found
    if isinstance(detail, list):
        detail = "; ".join(_fault(one) for one in detail)
    text = " ".join(str(detail).split()) or response.reason_phrase
    if len(text) > _LONGEST_DETAIL:
        text = f"{text[:_LONGEST_DETAIL]}…"
    return text if text.endswith((".", "…", "!", "?")) else f"{text}."


def _fault(fault: Any) -> str:
    if not isinstance(fault, dict):
        return str(fault)
    place = ".".join(str(part) for part in fault.get("loc", ()))
    return f"{place} {fault.get('msg', 'is refused')}".strip()
