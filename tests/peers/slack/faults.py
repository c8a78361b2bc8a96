"""What goes wrong between the app and Slack: for one method, a number of times."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

Json = dict[str, Any]
ALWAYS = 1_000_000
RESPONSE_URL = "response_url"  # in place of a method's name


async def _nothing() -> None:
    return None


@dataclass
class Fault:
    """`answered`: Slack never sees the call. `cut`: nor does anybody answer. `lost`: Slack does
    it, and the answer does not arrive. `followed`: all goes well, and something else happens."""

    kind: Literal["answered", "cut", "lost", "followed"]
    method: str
    times: int = 1
    status: int = 200
    body: Json | None = None
    headers: dict[str, str] | None = None
    when: Callable[[Json], bool] = lambda _: True
    then: Callable[[], Awaitable[None]] = _nothing

    def hits(self, method: str, arguments: Json) -> bool:
        """Whether it is this one's turn; counts it."""
        if self.times <= 0 or method != self.method or not self.when(arguments):
            return False
        self.times -= 1
        return True


def refusal(
    method: str, code: str, times: int = ALWAYS, when: Callable[[Json], bool] = lambda _: True
) -> Fault:
    """Slack says no."""
    return Fault("answered", method, times, body={"ok": False, "error": code}, when=when)


def too_many(
    method: str, seconds: int, times: int = 1, when: Callable[[Json], bool] = lambda _: True
) -> Fault:
    """Slack says 429."""
    headers = {"Retry-After": str(seconds)}
    body = {"ok": False, "error": "ratelimited"}
    return Fault("answered", method, times, 429, body, headers, when)


def broken(method: str, times: int = 1, status: int = 500) -> Fault:
    """Slack is out of order."""
    return Fault("answered", method, times, status, {"ok": False, "error": "internal_error"})


def killing(
    method: str, when: Callable[[Json], bool], kill: Callable[[], Awaitable[None]]
) -> Fault:
    """Slack has done it, and then something happens to the app before it hears so."""
    return Fault("lost", method, when=when, then=kill)
