"""Errors that a person reads: one clear sentence, and what to do about it."""


class FlywheelError(Exception):
    """Something a person can act on.

    `message` says what is wrong and where; `hint` says what to do next. Every skin
    (bot, command line) shows both and never a stack trace.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.message = message
        self.hint = hint


class InvalidInputError(FlywheelError):
    """A value that a person gave cannot be used as it is."""

    exit_code = 2


class SettingsError(InvalidInputError):
    """A setting is unknown or has a value that it cannot have."""


class NotFoundError(FlywheelError):
    """The run, workload or model named does not exist."""

    exit_code = 3


class ConflictError(FlywheelError):
    """The state of things does not allow it (any more)."""

    exit_code = 4


class ForbiddenError(FlywheelError):
    """This person may not do this."""

    exit_code = 5


class DataError(FlywheelError):
    """The records do not make a usable dataset."""

    exit_code = 6


class UnavailableError(FlywheelError):
    """A part that flywheel depends on does not answer."""

    exit_code = 7


class DatabaseUnavailableError(UnavailableError):
    """The database does not answer."""
