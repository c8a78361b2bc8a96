"""The options of `/flywheel run`: its own short names, and every setting of a run."""

from collections.abc import Sequence

from bot.parsing.usage import misused
from flywheel.errors import SettingsError
from flywheel.service.naming import nearest
from flywheel.settings.run_config import setting_named
from flywheel.views import RunRequest

_FIELDS = {
    "client": "client_id",
    "client_id": "client_id",
    "limit": "limit",
    "eval_size": "eval_size",
    "seed": "random_seed",
    "random_seed": "random_seed",
    "candidates": "candidates",
    "candidate": "candidates",
    "priority": "priority",
}
_SHORT = ("client", "limit", "eval_size", "seed", "candidates", "priority")
_NUMBERS = frozenset({"limit", "eval_size", "random_seed", "priority"})


def run_request(
    words: Sequence[str], options: Sequence[tuple[str, str]], command: str = "run"
) -> RunRequest:
    """The run that words and options of `command` ask for. Raises InvalidInputError."""
    fields: dict[str, str | int | list[str]] = {}
    settings: dict[str, str] = {}
    for key, value in options:
        if not value:
            raise misused(command, f"'{key}' needs a value.")
        name = _FIELDS.get(key)
        if name is None:
            _check_setting(command, key)
            settings[key] = value
        elif name == "eval_size" and value.lower() == "auto":
            fields[name] = "auto"
        elif name in _NUMBERS:
            fields[name] = number_of(command, key, value)
        elif name == "candidates":
            fields[name] = [part.strip() for part in value.split(",") if part.strip()]
        else:
            fields[name] = value
    if not words:
        raise misused(command, "Which workload? `/flywheel workloads` lists them.")
    if len(words) > 1:
        raise misused(command, f"I do not understand '{words[1]}'.")
    if "candidates" in fields and not fields["candidates"]:
        raise misused(command, "'candidates' needs at least one name.")
    return RunRequest.model_validate({"workload_id": words[0], "settings": settings, **fields})


def _check_setting(command: str, key: str) -> None:
    try:
        setting_named(key)
    except SettingsError as error:
        near = nearest(key, _SHORT)
        if near:
            raise misused(command, f"'{key}' is not an option of {command}. {near}") from error
        raise misused(command, error.message) from error


def number_of(command: str, key: str, value: str) -> int:
    """The whole number that was typed, thousands separators and all. Raises InvalidInputError."""
    digits = value.replace(",", "").replace("_", "").replace(" ", "")
    smallest = 1 if key in {"limit", "eval_size"} else 0
    if not digits.isascii() or not digits.isdigit() or len(digits) > 12:
        raise misused(command, f"'{key}' must be a whole number, not '{value}'.")
    number = int(digits)
    if number < smallest:
        raise misused(command, f"'{key}' must be at least {smallest}, not {number}.")
    return number
