"""Answers of NeMo that are errors, as ours: one sentence with what the server says itself."""

from collections.abc import Iterable
from typing import Any

from flywheel.errors import (
    ConflictError,
    FlywheelError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)

_LONGEST = 300
_PASSING = {408, 425, 429}  # and 5xx: the next attempt may fare better
_KINDS: dict[int, type[FlywheelError]] = {404: NotFoundError, 409: ConflictError}
_EXISTS = "already exists"  # which Deployment Management answers with a 500


class NotTakenError(UnavailableError):
    """No answer, and the request was certainly not acted upon: it may be repeated."""


def from_status(what: str, status: int, body: object, secrets: Iterable[str] = ()) -> FlywheelError:
    """The error for an answer of that status; `what` is what was asked for, in words."""
    said = detail(body, secrets)
    text = f"NeMo refuses {what} ({status}){': ' + said if said else ''}."
    if _EXISTS in said:
        return ConflictError(text)
    if status == 429:
        return NotTakenError(f"NeMo is too busy for {what} (429).")
    if status in _PASSING or status >= 500:
        return UnavailableError(
            f"NeMo could not answer {what} ({status}){': ' + said if said else ''}."
        )
    if status in {401, 403}:
        return ForbiddenError(text, "Set its key in FLYWHEEL_NEMO_API_KEY.")
    return _KINDS.get(status, InvalidInputError)(text)


def detail(body: object, secrets: Iterable[str] = ()) -> str:
    """What the server says, on one line and without secrets; "" where it says nothing."""
    text = " ".join(_said(body).split()).rstrip(".")
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _said(body: Any) -> str:
    match body:
        case {"detail": said} | {"error": said} | {"message": said}:
            return _said(said)
        case {"loc": loc, "msg": msg}:  # what was sent stands beside it, and is not repeated
            return f"{'.'.join(str(part) for part in loc)}: {msg}"
        case list():
            return "; ".join(_said(one) for one in body)
        case str():
            return body
    return ""
