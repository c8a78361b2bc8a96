"""NeMo's SDK with time limits, and repetition of what is safe to repeat."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import httpx
from pydantic import SecretStr

from flywheel.adapters.nemo.errors import NotTakenError, from_status
from flywheel.errors import ConflictError, FlywheelError, UnavailableError
from flywheel.settings.nemo import NmpConfig

if TYPE_CHECKING:
    from nemo_microservices import AsyncNeMoMicroservices

T = TypeVar("T")

_LONGEST_WAIT = 10.0  # seconds, whatever the server asks for


class NemoClient:
    """Calls to the microservices and the NIM proxy.

    Whatever they raise comes out as one of ours: NotFoundError, ConflictError, InvalidInputError
    and ForbiddenError with what the server says, UnavailableError where it does not answer.
    """

    def __init__(
        self,
        config: NmpConfig,
        api_key: SecretStr | None = None,
        judge_key: SecretStr | None = None,
    ) -> None:
        self.config = config
        # Both may come back in what NeMo says of a request.
        self._hidden = [key.get_secret_value() for key in (api_key, judge_key) if key is not None]
        self.namespace = config.nmp_namespace
        self._key = "" if api_key is None else api_key.get_secret_value()
        self._sdk: AsyncNeMoMicroservices | None = None
        self._namespaces: set[str] = set()

    @property
    def sdk(self) -> "AsyncNeMoMicroservices":
        """The SDK; it repeats nothing by itself."""
        if self._sdk is None:
            from nemo_microservices import AsyncNeMoMicroservices  # slow to import, and an extra

            # It would write whole requests into a debug log, a judge's key among them.
            logging.getLogger("nemo_microservices").setLevel(logging.WARNING)

            self._sdk = AsyncNeMoMicroservices(
                base_url=self.config.nemo_base_url,
                inference_base_url=self.config.nim_base_url,
                timeout=httpx.Timeout(self.config.request_timeout_seconds, connect=5.0),
                max_retries=0,
                default_headers=self.headers,
            )
        return self._sdk

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {"Authorization": f"Bearer {self._key}"} if self._key else {}

    async def close(self) -> None:
        """Close the connections."""
        if self._sdk is not None:
            await self._sdk.close()

    async def read(
        self, what: str, call: Callable[[], Awaitable[T]], seconds: float | None = None
    ) -> T:
        """Something that may be repeated, as often as the settings allow: reading, deleting.

        `seconds` is the limit of each attempt where the usual one will not do.
        """
        return await self._repeated(what, call, UnavailableError, seconds)

    async def write(self, what: str, call: Callable[[], Awaitable[T]]) -> T:
        """Something that may not be done twice: repeated only where it was certainly not done."""
        return await self._repeated(what, call, NotTakenError, None)

    async def _repeated(
        self,
        what: str,
        call: Callable[[], Awaitable[T]],
        passing: type[UnavailableError],
        seconds: float | None,
    ) -> T:
        # httpx limits each read, not the whole: a server that drips would hold us for ever.
        limit = 2 * self.config.request_timeout_seconds if seconds is None else seconds
        for attempt in range(self.config.max_attempts):
            try:
                return await self._once(what, call, limit)
            except passing as error:
                if attempt + 1 == self.config.max_attempts:
                    raise
                wait = self.config.retry_seconds * 2**attempt
                await asyncio.sleep(min(max(wait, _asked(error)), _LONGEST_WAIT))
        raise AssertionError  # there is at least one attempt

    async def _once(self, what: str, call: Callable[[], Awaitable[T]], limit: float) -> T:
        import nemo_microservices as nemo

        try:
            async with asyncio.timeout(limit):
                return await call()
        except nemo.APIStatusError as error:
            ours = from_status(what, error.status_code, error.body, self._hidden)
            ours.__cause__ = error  # the time to wait stands in its headers
            raise ours from error
        except nemo.APITimeoutError as error:
            raise UnavailableError(f"NeMo did not answer {what} in time.") from error
        except nemo.APIConnectionError as error:
            raise self._unreachable(what, error) from error
        except TimeoutError as error:
            raise UnavailableError(
                f"NeMo did not finish answering {what} within {limit:g} s."
            ) from error
        except nemo.APIError as error:
            raise UnavailableError(f"NeMo's answer to {what} cannot be read.") from error

    def _unreachable(self, what: str, error: Exception) -> UnavailableError:
        if isinstance(error.__cause__, httpx.ConnectError | httpx.ConnectTimeout):
            return NotTakenError(
                f"NeMo cannot be reached for {what}.", "Check the addresses in nmp_config."
            )
        return UnavailableError(f"The connection to NeMo broke during {what}.")

    async def served(self) -> set[str]:
        """The models that the NIM proxy serves."""
        sdk = self.sdk
        found = await self.read("the list of served models", sdk.inference.models.list)
        return {str(model.id) for model in found.data or ()}

    async def need_namespace(self) -> None:
        """Our namespace in the Entity Store, made where it is not there."""
        if self.namespace not in self._namespaces:
            try:
                # Another call finds it there: safe to repeat.
                await self.read(
                    f"the namespace {self.namespace}",
                    lambda: self.sdk.namespaces.create(id=self.namespace),
                )
            except ConflictError:
                pass
            except FlywheelError:
                await self.read(
                    f"the namespace {self.namespace}",
                    lambda: self.sdk.namespaces.retrieve(self.namespace),
                )
            self._namespaces.add(self.namespace)


def _asked(error: UnavailableError) -> float:
    """Seconds, as the header Retry-After has them."""
    response = getattr(error.__cause__, "response", None)
    text = "" if response is None else response.headers.get("retry-after", "").strip()
    return float(text) if text.isdecimal() else 0.0
