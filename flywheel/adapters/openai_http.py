"""Requests to an endpoint that speaks OpenAI's API: again where a failure may pass."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Generic, NamedTuple, Self, TypeVar

import httpx
from pydantic import SecretStr

from flywheel.clock import utc_now
from flywheel.errors import SettingsError, UnavailableError
from flywheel.settings.endpoints import RequestsConfig

COMPLETIONS, EMBEDDINGS = "/chat/completions", "/embeddings"

_LONGEST_WAIT = 60.0  # seconds, whatever the server asks for
_LONGEST_REASON = 200  # characters
_PASSING = {408, 409, 425, 429}  # and 5xx: the next attempt may fare better
_LASTING = {401, 402, 403, 404, 405}  # every other request would fare the same
_WRONG_KEY = {401, 403}  # what is said of a wrong key may quote it
_LOOPBACK = re.compile(r"localhost|127\.[\d.]+|::1")

T = TypeVar("T")


class Reply(NamedTuple, Generic[T]):
    """What was read from an answer, and the seconds from its request to its end."""

    value: T
    seconds: float


class RequestFailedError(Exception):
    """One request is given up.

    `why` is a few words of ours, `said` what the server said, the key taken out; `attempts` is
    None where another attempt would not help; `seconds` are those of the last attempt.
    """

    def __init__(self, why: str, said: str, attempts: int | None, seconds: float) -> None:
        super().__init__(why)
        self.why, self.said, self.attempts, self.seconds = why, said, attempts, seconds


class Endpoint:
    """One model behind one address. Use as an async context manager.

    `who` starts the sentences about it ("The judge"), `setting` is where its address and model
    are configured, `keys` their keys there, `variable` the environment variable of its key.
    Raises SettingsError where `url` is no web address.
    """

    def __init__(
        self,
        *,
        who: str,
        setting: str,
        variable: str,
        url: str,
        path: str,
        model: str,
        api_key: SecretStr | None,
        requests: RequestsConfig,
        keys: tuple[str, str] = ("url", "model_name"),
    ) -> None:
        self._who, self._setting, self._variable = who, setting, variable
        self._keys = keys
        self._model, self._requests = model, requests
        self._url = address(url, path, setting)
        self._path = path
        self._answered = False
        self._key = "" if api_key is None else api_key.get_secret_value()
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
            timeout=requests.timeout_seconds,
            limits=httpx.Limits(max_connections=requests.max_concurrent_requests),
            trust_env=through_proxies(self._url.host),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    @property
    def shown(self) -> str:
        """The address without what may be secret in it."""
        return _shown(self._url)

    async def post(
        self, body: dict[str, Any], read: Callable[[Any], T | None], expected: str, spread: float
    ) -> Reply[T]:
        """What `read` makes of the answer's JSON; None there counts as an answer that is no
        `expected`.

        `spread`, 0 to 1, spreads waiting times over half to all of them, so that what failed
        together does not come back so. Raises RequestFailedError for this one, UnavailableError
        where every other would fare the same: a wrong address, key or model.
        """
        attempts = self._requests.max_attempts
        failure, pause, unreachable = RequestFailedError("", "", attempts, 0.0), 0.0, False
        for attempt in range(attempts):
            if attempt:
                await asyncio.sleep(pause)
            wait = min(self._requests.retry_seconds * 2**attempt, _LONGEST_WAIT)
            pause = wait * (1 + spread) / 2
            started = time.perf_counter()
            why, said = "", ""
            try:
                async with asyncio.timeout(self._requests.timeout_seconds):
                    response = await self._client.post(self._url, json=body)
            except (TimeoutError, httpx.TimeoutException):
                why = f"no answer within {self._requests.timeout_seconds:g} s"
            except httpx.RequestError as error:
                why = f"the connection failed ({type(error).__name__})"
                unreachable = isinstance(error, httpx.ConnectError)
            else:
                self._answered = True
                if response.status_code == httpx.codes.OK:
                    if (value := _read(response, read)) is not None:
                        return Reply(value, time.perf_counter() - started)
                    why = f"its answer is no {expected}"
                else:
                    why, said = f"it answered {response.status_code}", self._said(response)
                    self._check_lasting(response.status_code, said)
                    if response.status_code not in _PASSING and response.status_code < 500:
                        seconds = time.perf_counter() - started
                        raise RequestFailedError(why, said, None, seconds)
                pause = max(pause, asked_to_wait(response.headers))
            failure = RequestFailedError(why, said, attempts, time.perf_counter() - started)
        if unreachable and not self._answered:
            raise self._unreachable()
        raise failure

    async def models(self) -> list[str] | None:
        """The models that it serves; None where it answers, but has no list of them.

        Asked once. Raises UnavailableError where nothing answers, or the key is wrong.
        """
        base = self._url.path.removesuffix(self._path)
        try:
            async with asyncio.timeout(self._requests.timeout_seconds):
                response = await self._client.get(self._url.copy_with(path=f"{base}/models"))
        except (TimeoutError, httpx.RequestError) as error:
            raise self._unreachable() from error
        if response.status_code in _WRONG_KEY:
            self._check_lasting(response.status_code, "")
        return _read(response, _model_names)

    def _check_lasting(self, status: int, said: str) -> None:
        if status not in _LASTING:
            return
        hint = f"Check {self._keys[0]} and {self._keys[1]} of {self._setting}."
        if status in _WRONG_KEY:
            hint = f"Set its key in {self._variable}."
        reason = f"{status}: {said}" if said else f"{status}"
        raise UnavailableError(
            f"{self._who} at {self.shown} refuses requests to {self._model} ({reason}).", hint
        )

    def _unreachable(self) -> UnavailableError:
        return UnavailableError(
            f"{self._who} at {self.shown} cannot be reached.",
            f"Is it running? Check {self._keys[0]} of {self._setting}.",
        )

    def _said(self, response: httpx.Response) -> str:
        """The server's own reason, in one short line, without the key."""
        if response.status_code in _WRONG_KEY:
            return ""
        text = _read(response, _reason) or ""
        if self._key:
            text = text.replace(self._key, "…")
        line = " ".join(text.split())
        return line if len(line) <= _LONGEST_REASON else f"{line[: _LONGEST_REASON - 1]}…"


def address(url: str, path: str, setting: str) -> httpx.URL:
    """Where requests go; the base address of the API will do. Raises SettingsError."""
    try:
        found = httpx.URL(url)
    except httpx.InvalidURL:
        found = httpx.URL()
    if found.scheme not in {"http", "https"} or not found.host:
        raise SettingsError(
            f"The url of {setting} is no web address.", "It looks like http://host.test/v1."
        )
    base = found.path.rstrip("/")
    return found.copy_with(path=base if base.endswith(path) else base + path)


def through_proxies(host: str) -> bool:
    """Whether the proxies of the environment hold for that host: none stands before ourselves."""
    return _LOOPBACK.fullmatch(host) is None


def _shown(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.host}{'' if url.port is None else f':{url.port}'}{url.path}"


def _read(response: httpx.Response, read: Callable[[Any], T | None]) -> T | None:
    """None for what is no JSON, or JSON of another shape."""
    try:
        return read(response.json())
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return None


def _reason(content: Any) -> str | None:
    """From `{"error": {"message": …}}`, OpenAI's, or what other servers make of it."""
    error = content.get("error", content)
    text = error if isinstance(error, str) else error.get("message") or error.get("detail")
    return text if isinstance(text, str) else None


def _model_names(content: Any) -> list[str] | None:
    return [str(model["id"]) for model in content["data"]]


def asked_to_wait(headers: Mapping[str, str]) -> float:
    """Seconds, as the header Retry-After has them: a number or a date (RFC 9110, 10.2.3)."""
    text = headers.get("retry-after", "").strip()
    if text.isdecimal():
        return min(float(text), _LONGEST_WAIT)
    try:
        until: datetime = parsedate_to_datetime(text)
        return min(max((until - utc_now()).total_seconds(), 0.0), _LONGEST_WAIT)
    except (ValueError, TypeError):  # no date, or one without a time zone
        return 0.0
