"""What Slack's refusals mean for what the bot wanted to show."""

from typing import Literal

from slack_sdk.errors import SlackApiError

from bot.errors import slack_code

Meaning = Literal["too-much", "gone", "no-place", "no-access", "later"]

_MEANINGS: dict[str, Meaning] = {
    # It does not fit: say it in plain words.
    "invalid_blocks": "too-much",
    "invalid_blocks_format": "too-much",
    "msg_too_long": "too-much",
    "msg_blocks_too_long": "too-much",
    # What should change is not there any more: nobody misses it.
    "message_not_found": "gone",
    "thread_not_found": "gone",
    "edit_window_closed": "gone",
    "is_archived": "gone",
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


def meaning(error: SlackApiError) -> Meaning:
    """What to do about it; what nobody foresaw is tried again later."""
    return _MEANINGS.get(slack_code(error), "later")


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
        pause = max(min(before * 2, self._longest), at_least)
        self._pauses[key] = (now + pause, pause)

    def worked(self, key: str) -> None:
        """Begin anew with the next failure."""
        self._pauses.pop(key, None)
