"""Errors as people in Slack read them: what is wrong and what to do, never a stack trace."""

import logging
import secrets
from collections.abc import Awaitable, Callable

from slack_sdk.errors import SlackApiError

from bot.parsing.usage import in_slack
from bot.views.message import Message, message
from bot.views.text import mrkdwn, with_people
from flywheel.errors import FlywheelError, UnavailableError

log = logging.getLogger(__name__)

Reply = Callable[[Message], Awaitable[None]]

_NO_ACCESS = "I cannot post in this channel."
_INVITE = "Invite me with `/invite @flywheel`, then try again."
_OUT_OF_ORDER = ("Slack is out of order at the moment.", "Try again in a minute.")
_NO_TOKEN = (
    "Slack does not accept my token any more.",
    "Whoever runs flywheel has to put that right; `flywheel doctor` on its machine says more.",
)
_SLACK_ERRORS = {
    "not_in_channel": (_NO_ACCESS, _INVITE),
    "channel_not_found": (_NO_ACCESS, _INVITE),
    "is_archived": ("This channel is archived.", "Use another one."),
    "expired_trigger_id": ("That took too long for Slack.", "Try it again."),
    "exchanged_trigger_id": ("Slack delivered that twice.", "Press the button again."),
    "ratelimited": ("Slack asks me to slow down.", "Try again in a minute."),
    "internal_error": _OUT_OF_ORDER,
    "fatal_error": _OUT_OF_ORDER,
    **dict.fromkeys(("token_revoked", "token_expired", "invalid_auth", "not_authed"), _NO_TOKEN),
    "account_inactive": _NO_TOKEN,
}


def error_message(error: FlywheelError) -> Message:
    """What is wrong, and what to do about it."""
    text = f":warning: {with_people(mrkdwn(error.message, 1500))}"
    if error.hint:
        text += f"\n{with_people(mrkdwn(in_slack(error.hint), 1200))}"
    return message(text)


def unexpected(error_id: str) -> Message:
    """For an error that nobody foresaw; the log has the rest under the same id."""
    return message(
        f":warning: Something went wrong on my side; it is logged as `{error_id}`. "
        "Try again, and if it stays tell whoever runs flywheel that id."
    )


async def guarded(work: Awaitable[None], reply: Reply, what: str) -> None:
    """Do the work; whatever goes wrong is told to the person who asked, and logged."""
    try:
        await work
    except UndeliveredError as error:
        log.warning("%s: %s", what, error.message)
        await tell(reply, error.sent, what)
    except FlywheelError as error:
        log.info("%s: %s", what, error)
        await tell(reply, error_message(error), what)
    except SlackApiError as error:
        await tell(reply, _slack_error(error, what), what)
    except Exception:
        error_id = secrets.token_hex(4)
        log.exception("%s failed (%s)", what, error_id)
        await tell(reply, unexpected(error_id), what)


class UndeliveredError(UnavailableError):
    """Slack did not take an answer where it was asked for; `sent` can be told elsewhere."""

    def __init__(self, why: str, sent: Message) -> None:
        super().__init__(
            f"Slack did not take the answer ({why}).",
            "The command may have taken longer than Slack waits; try it again.",
        )
        self.sent = sent


def slack_code(error: SlackApiError) -> str:
    """Slack's name of an error, e.g. 'channel_not_found'; '' where it gave none."""
    data = getattr(error.response, "data", error.response)
    return str(data.get("error", "")) if isinstance(data, dict) else ""


def slack_status(error: SlackApiError) -> int:
    """The HTTP status of an error: most come with 200."""
    named = (getattr(error.response, name, None) for name in ("status_code", "status"))
    return next((status for status in named if isinstance(status, int)), 200)


def refused(error: SlackApiError) -> tuple[str, str] | None:
    """What a refusal of Slack means to a person, and what to do; None for one nobody foresaw."""
    if slack_status(error) >= 500:
        return _OUT_OF_ORDER
    return _SLACK_ERRORS.get("ratelimited" if slack_status(error) == 429 else slack_code(error))


def _slack_error(error: SlackApiError, what: str) -> Message:
    known = refused(error)
    if known is None:
        error_id = secrets.token_hex(4)
        log.error("%s: Slack refused with %s (%s)", what, slack_code(error), error_id)
        return unexpected(error_id)
    log.warning("%s: Slack refused with %s", what, slack_code(error))
    return error_message(UnavailableError(*known))


async def tell(reply: Reply, told: Message, what: str) -> None:
    """Tell it, or log that this was not possible."""
    try:
        await reply(told)
    except Exception:
        log.exception("%s: the person could not be told", what)
