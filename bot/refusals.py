"""What Slack's refusals mean for what the bot wanted to do.

docs/slack.md ("How it behaves on a bad day") says the same to operators; keep them together.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Literal

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.errors import slack_code, slack_status

Meaning = Literal["busy", "unsure", "too-much", "gone", "closed", "no-place", "no-access", "later"]

_MEANINGS: dict[str, Meaning] = {
    # Wait as long as Slack says, then send what is true by then.
    "ratelimited": "busy",
    "rate_limited": "busy",
    # Slack is out of order, and may have done it all the same: look before it is done again.
    "internal_error": "unsure",
    "fatal_error": "unsure",
    "service_unavailable": "unsure",
    "request_timeout": "unsure",
    # It does not fit: say it in plain words.
    "invalid_blocks": "too-much",
    "invalid_blocks_format": "too-much",
    "msg_too_long": "too-much",
    "msg_blocks_too_long": "too-much",
    # Somebody has deleted it: they do not want to see it.
    "message_not_found": "gone",
    "thread_not_found": "gone",
    "edit_window_closed": "gone",
    "cant_update_message": "gone",
    # Nobody will write there any more.
    "is_archived": "closed",
    # Somebody may invite the bot yet.
    "channel_not_found": "no-place",
    "not_in_channel": "no-place",
    "restricted_action": "no-place",
    # Nothing will work until an operator has done something.
    "token_revoked": "no-access",
    "token_expired": "no-access",
    "invalid_auth": "no-access",
    "not_authed": "no-access",
    "account_inactive": "no-access",
}
# Of a card: nothing more is shown there.
GIVEN_UP = frozenset(code for code, means in _MEANINGS.items() if means in {"gone", "closed"})
AWAY = (aiohttp.ClientError, asyncio.TimeoutError, OSError)  # no answer at all


def meaning(error: Exception) -> Meaning:
    """What to do about it; what nobody foresaw is tried again later."""
    if isinstance(error, AWAY):
        return "unsure"
    if not isinstance(error, SlackApiError):
        return "later"
    status = slack_status(error)
    if status == 429:
        return "busy"
    return "unsure" if status >= 500 else meaning_of(slack_code(error))


def meaning_of(code: str) -> Meaning:
    """The same, by Slack's name of the error."""
    return _MEANINGS.get(code, "later")


def seconds_to_wait(error: SlackApiError) -> float:
    """How long Slack asks to be left alone."""
    return retry_after(getattr(error.response, "headers", None) or {})


def retry_after(headers: Mapping[str, Any]) -> float:
    """The header of that name in seconds, which may come as a list; 0 where there is none."""
    found = next((value for name, value in headers.items() if name.lower() == "retry-after"), "0")
    try:
        return float(found if isinstance(found, str) else found[0])
    except ValueError:
        return 0.0


class BackOff:
    """Pauses that double, by key, until something works again."""

    def __init__(self, first: float, longest: float) -> None:
        self._first, self._longest = first, longest
        self._pauses: dict[str, tuple[float, float]] = {}  # until when, and how long that is

    def paused(self, key: str, now: float) -> bool:
        """Whether it is too early to try again."""
        return key in self._pauses and self._pauses[key][0] > now

    def failed(self, key: str, now: float, at_least: float = 0.0) -> None:
        """Wait, longer each time."""
        _, before = self._pauses.get(key, (0.0, self._first / 2))
        pause = min(before * 2, self._longest)
        self._pauses[key] = (now + max(pause, at_least), pause)

    def worked(self, key: str) -> None:
        """Begin anew with the next failure."""
        self._pauses.pop(key, None)
